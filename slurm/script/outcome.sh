# What a run directory's outcome.json says of a field: outcome FOLDER FIELD.
outcome() { grep -o "\"$2\": *[a-z0-9]*" "$1/outcome.json" 2>/dev/null | grep -o '[a-z0-9]*$'; }

