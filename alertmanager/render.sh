#!/bin/sh
# Writes the Alertmanager configuration that fits the secrets there are.
#   render.sh alertmanager.yml DIRECTORY-OF-SECRETS OUTPUT
# Lines between `# if secrets/NAME` and `# end secrets/NAME` are kept where DIRECTORY-OF-SECRETS/NAME has something in
# it, and left out where it is missing or empty. Needs nothing but a POSIX shell and find. Run by compose.yaml.
set -eu
[ $# = 3 ] || { sed -n '2,5p' "$0" >&2; exit 64; }
template=$1 secrets=$2 output=$3

keep=yes open=
while IFS= read -r line || [ -n "$line" ]; do
  word=${line#"${line%%[! ]*}"}
  case $word in
  "# if secrets/"*)
    [ -z "$open" ] || { echo "$template: secrets/$open is not closed before: $word" >&2; exit 1; }
    open=${word#"# if secrets/"}
    if [ ! -s "$secrets/$open" ]; then
      keep=no
      echo "alertmanager: no secrets/$open, so that receiver is off" >&2
    elif [ -z "$(find "$secrets/$open" -prune -perm -004)" ]; then
      echo "alertmanager/secrets/$open cannot be read by Alertmanager (user 65534): chmod 644 alertmanager/secrets/$open" >&2
      exit 1
    else
      echo "alertmanager: secrets/$open found, that receiver is on" >&2
    fi
    ;;
  "# end secrets/"*)
    [ "$open" = "${word#"# end secrets/"}" ] || { echo "$template: closes what is not open: $word" >&2; exit 1; }
    keep=yes open=
    ;;
  *) [ $keep = no ] || printf '%s\n' "$line" ;;
  esac
done <"$template" >"$output.new"
[ -z "$open" ] || { echo "$template: secrets/$open is never closed" >&2; exit 1; }
chmod 644 "$output.new"
mv "$output.new" "$output"
