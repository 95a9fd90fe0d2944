#!/bin/sh
# Zero warnings: clang-format, gcc and clang with all flags, every header alone, clang-tidy, cppcheck. Prints what failed.
set -eu
cd "$(dirname "$0")/.."
status=0
note() { printf '%s\n' "$*"; }
sources=$(git ls-files '*.c' | grep -v '^tests/peers/')
headers=$(git ls-files '*.h')
includes="-Icommon -Iworker -Icoordinator -Ifetcher -Idashboard -Ictl -isystem build/gen"
flags="-std=c17 -D_GNU_SOURCE -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wconversion -Wformat=2 -Werror $includes -DISOBAR_VERSION=\"lint\""

note "lint: clang-format"
printf '%s\n' $sources $headers | xargs clang-format --dry-run -Werror || status=1
note "lint: gcc and clang, all sources, -Werror"
for compiler in gcc clang; do
  printf '%s\n' $sources | xargs -P 2 -n 8 $compiler $flags -O1 -fsyntax-only || status=1
done
note "lint: every header alone"
for header in $headers; do
  printf '#include "%s"\n' "$(basename "$header")" | gcc $flags -I"$(dirname "$header")" -x c -fsyntax-only - || { note "  $header"; status=1; }
done
note "lint: clang-tidy"
export LINT_FLAGS="$flags" # not pasted into the command, where a shell would take the quotes of ISOBAR_VERSION
printf '%s\n' $sources | xargs -P 2 -n 4 sh -c 'clang-tidy --quiet "$@" -- $LINT_FLAGS 2>/dev/null' tidy >build/tidy.log || { cat build/tidy.log; status=1; }
note "lint: cppcheck"
cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --suppressions-list=tests/cppcheck.txt \
  --error-exitcode=1 -j 2 -D__cppcheck__ -Icommon $sources || status=1
[ $status = 0 ] && note "lint: no warnings"
exit $status
