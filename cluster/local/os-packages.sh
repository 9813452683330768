#!/usr/bin/env bash
# Installs the OS packages that the embedded deployment needs, if any is missing. At a terminal it asks first.
# Services that the packages bring along are not started: the deployment runs its own copies in its sandbox.
set -euo pipefail
[ "$(uname -s)" = Linux ] || exit 0 # elsewhere no deployment runs on this machine

declare -A package_of=(
  [nginx]=nginx-light [prometheus]=prometheus [stress-ng]=stress-ng [ip]=iproute2 [iptables]=iptables
  [unshare]=util-linux [nsenter]=util-linux
)
PATH=$PATH:/usr/sbin:/sbin
missing=()
for binary in "${!package_of[@]}"; do
  command -v "$binary" >/dev/null || missing+=("${package_of[$binary]}")
done
python3 -c 'import ensurepip, venv' 2>/dev/null || missing+=(python3-venv)
[ ${#missing[@]} -eq 0 ] && exit 0
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)

if ! command -v apt-get >/dev/null; then
  echo "These are missing and this is no Debian or Ubuntu: ${missing[*]}. Install them, then make again." >&2
  exit 2
fi
as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "As root, run: apt-get install ${missing[*]}; then make again." >&2
    exit 2
  fi
  as_root=(sudo)
fi
if [ -t 0 ]; then
  read -r -p "Install with apt-get: ${missing[*]}? [Y/n] " answer
  case "$answer" in
    "" | [Yy]*) ;;
    *)
      echo "Nothing was installed. Needed: ${missing[*]}." >&2
      exit 2
      ;;
  esac
fi

# Debian asks this file whether a freshly installed service may start: 101 says no. It is removed again at once.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
  "${as_root[@]}" chmod 755 "$policy"
  trap '"${as_root[@]}" rm -f "$policy"' EXIT
fi
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
if [ -d /run/systemd/system ]; then
  for service in nginx prometheus; do
    case " ${missing[*]} " in *" $service"*) "${as_root[@]}" systemctl disable --quiet "$service" || true ;; esac
  done
fi
