#!/bin/sh
# Installs what `make run`, `test`, `fuzz`, `lint` or `fresh` needs and the machine lacks, from Debian's packages.
# Usage: setup.sh run|test|fuzz|lint|fresh [...]. Does nothing, quickly, when all is there. Uses sudo when not root.
set -eu

run="gcc:gcc make:make pkg-config:pkg-config git:git protoc-c:protobuf-c-compiler protoc:protobuf-compiler \
python3:python3 redis-server:redis-server node:nodejs npm:npm"
run_files="/usr/include/librdkafka/rdkafka.h:librdkafka-dev /usr/include/zmq.h:libzmq3-dev \
/usr/include/hiredis/hiredis.h:libhiredis-dev /usr/include/microhttpd.h:libmicrohttpd-dev \
/usr/include/protobuf-c/protobuf-c.h:libprotobuf-c-dev /usr/include/jansson.h:libjansson-dev \
/usr/include/ini.h:libinih-dev /usr/include/openssl/sha.h:libssl-dev /usr/include/zlib.h:zlib1g-dev \
/usr/include/uthash.h:uthash-dev /usr/include/unistr.h:libunistring-dev /usr/share/zoneinfo/UTC:tzdata /etc/ssl/certs/ca-certificates.crt:ca-certificates"
test="chromium:chromium valgrind:valgrind kcat:kcat spin:spin mvn:maven java:default-jre-headless faketime:faketime mold:mold"
test_files="/usr/include/cmocka.h:libcmocka-dev /usr/lib/python3/dist-packages/pytest:python3-pytest \
/usr/lib/python3/dist-packages/xdist:python3-pytest-xdist /usr/lib/python3/dist-packages/google/protobuf:python3-protobuf \
/usr/lib/python3/dist-packages/confluent_kafka:python3-confluent-kafka \
/usr/lib/python3/dist-packages/redis:python3-redis /sbin/ip:iproute2 /usr/sbin/iptables:iptables"
lint="clang:clang clang-tidy:clang-tidy clang-format:clang-format cppcheck:cppcheck"

missing=""
need() { # need "thing:package ..." command|file
  for pair in $1; do
    thing=${pair%%:*} package=${pair##*:}
    if [ "$2" = command ]; then command -v "$thing" >/dev/null 2>&1 || missing="$missing $package"
    else [ -e "$thing" ] || missing="$missing $package"; fi
  done
}
for what in "$@"; do
  case $what in
    run) need "$run" command; need "$run_files" file
         # libcurl's header lies below the architecture's own folder
         [ -e /usr/include/curl/curl.h ] || ls /usr/include/*/curl/curl.h >/dev/null 2>&1 || missing="$missing libcurl4-openssl-dev" ;;
    test) need "$test" command; need "$test_files" file ;;
    fuzz) need "clang:clang" command
          ls /usr/lib/llvm-*/lib/clang/*/lib/linux/libclang_rt.fuzzer-*.a >/dev/null 2>&1 || missing="$missing libclang-rt-dev" ;;
    lint) need "$lint" command ;;
    fresh) need "debootstrap:debootstrap unshare:util-linux git:git" command ;;
    *) echo "setup.sh: unknown set '$what'" >&2; exit 2 ;;
  esac
done
# shellcheck disable=SC2086
missing=$(printf '%s\n' $missing | sort -u | tr '\n' ' ')
[ -n "${missing# }" ] || exit 0

command -v apt-get >/dev/null 2>&1 || {
  echo "setup.sh: these Debian packages are needed and apt-get is not here to install them: $missing" >&2
  exit 69
}
sudo=""
[ "$(id -u)" = 0 ] || { command -v sudo >/dev/null 2>&1 || {
  echo "setup.sh: run as root, or install: apt-get install $missing" >&2
  exit 69
}; sudo=sudo; }
echo "setup: installing from Debian: $missing"
# Servers such as redis-server must not be started as system services: Isobar starts private ones.
policy=/usr/sbin/policy-rc.d
made=""
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null && $sudo chmod 755 $policy && made=yes
fi
trap '[ -z "$made" ] || $sudo rm -f $policy' EXIT
$sudo env DEBIAN_FRONTEND=noninteractive apt-get update -qq
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing libc6-dev >/dev/null
echo "setup: done"
