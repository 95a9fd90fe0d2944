#!/bin/sh
# Brings the jars of tests/kafka/pom.xml to build/kafka/<version>/libs, once: .done says that all are there.
# Needs mvn and Java 17 (Debian: maven, default-jre-headless). Prints the folder.
set -eu
cd "$(dirname "$0")/../.."
pom=tests/kafka/pom.xml
version=$(sed -n 's:.*<kafka.version>\(.*\)</kafka.version>.*:\1:p' $pom)
[ -n "$version" ] || { echo "install.sh: $pom names no kafka.version" >&2; exit 1; }
target=build/kafka/$version
# The pom itself is the mark's content, so that a changed pin is fetched again.
if ! cmp -s $pom "$target/.done"; then
  command -v mvn >/dev/null 2>&1 || { echo "install.sh: mvn is missing: apt-get install maven default-jre-headless" >&2; exit 69; }
  echo "kafka: fetching $version" >&2
  rm -rf "$target"
  mkdir -p "$target"
  said=$(mvn -q -B -f $pom dependency:copy-dependencies -DincludeScope=runtime "-DoutputDirectory=$PWD/$target/libs" 2>&1) ||
    { printf '%s\n' "$said" >&2; exit 1; }
  cp $pom "$target/.done"
fi
echo "$target"
