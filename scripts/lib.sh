# Shell helpers shared by scripts/setup and .ci/run: messages, and packages from apt. Sourced, not run.

say() { printf 'setup: %s\n' "$*" >&2; }

die() {
  printf 'setup: %s\n' "$@" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# Prints the words that make a command run as root; fails where there is no way to.
as_root() {
  if [[ $(id -u) -eq 0 ]]; then
    echo env
  elif have sudo && { sudo -n true 2>/dev/null || [[ -t 0 ]]; }; then
    echo sudo env
  else
    return 1
  fi
}

# apt_install PACKAGE...: non-interactive; the package lists are refreshed only when they are what is in the way.
# Fails, having said why, where there is no apt, no root, or apt refuses.
apt_install() {
  local root log
  have apt-get || { say "there is no apt-get here to install: $*"; return 1; }
  root=$(as_root) || { say "neither root nor sudo to install: $*"; return 1; }
  say "installing $*"
  log=$(mktemp)
  # shellcheck disable=SC2086 # the words of $root are meant to be split
  apt_get() { $root DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 "$@" >>"$log" 2>&1 </dev/null; }
  if ! apt_get install -y --no-install-recommends "$@"; then
    if ! { apt_get update && apt_get install -y --no-install-recommends "$@"; }; then
      tail -n 20 "$log" >&2
      rm -f "$log"
      say "apt-get could not install: $*"
      return 1
    fi
  fi
  rm -f "$log"
}
