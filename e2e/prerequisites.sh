#!/bin/sh
# What must be there before our first Rust program can be compiled; everything later is checked and installed by
# the lab itself, in Rust. Installs Debian packages when run as root, otherwise names the command.
# With the name of a Makefile's target also what the lab cannot install: minutes of compiling must not end at that.
set -eu

target=${1:-}
as_root='sudo env "PATH=$PATH" "HOME=$HOME" make'

fail() { printf '%s\n' "kafkasink: $1" >&2; exit 1; }

needs_go() {
  case "$target" in demo | test | e2e | scale | kills) true ;; *) false ;; esac
}

needs_root() {
  case "$target" in
    demo) case "${DEMO_ARGS:-}" in *--kubeconfig*) false ;; esac ;;
    e2e) true ;;
    test) [ -z "${KAFKASINK_TEST_NO_CGROUP:-}" ] || [ -z "${KAFKASINK_TEST_NO_MOUNT:-}" ] ;;
    freeze) [ -z "${KAFKASINK_TEST_NO_CGROUP:-}" ] ;;
    outages) [ -z "${KAFKASINK_TEST_NO_MOUNT:-}" ] ;;
    *) false ;;
  esac
}

[ "$(uname -s)" = Linux ] || fail "Linux is needed, this is $(uname -s); use a Linux machine or container"
case "$(uname -m)" in x86_64 | aarch64) ;; *) fail "x86_64 or aarch64 is needed, this is $(uname -m)" ;; esac

if needs_root && [ "$(id -u)" != 0 ]; then
  fail "make $target needs root: $as_root $target (README.md says how to do without)"
fi
if needs_go; then
  go=$(go version 2>/dev/null) || go=""
  minor=${go#go version go1.} minor=${minor%%[!0-9]*}
  [ "${minor:-0}" -ge 21 ] || fail "Go 1.21 or newer is missing${go:+, this is ${go#go version }}: install it and put it on PATH \
(Debian 13: apt-get install -y golang-go); it fetches 1.26 by itself"
fi

missing=""
command -v cc >/dev/null 2>&1 || missing="$missing gcc"
command -v c++ >/dev/null 2>&1 || missing="$missing g++"
command -v cmake >/dev/null 2>&1 || missing="$missing cmake"
command -v make >/dev/null 2>&1 || missing="$missing make"
command -v perl >/dev/null 2>&1 || missing="$missing perl"
command -v pkg-config >/dev/null 2>&1 || missing="$missing pkg-config"
[ -n "$missing" ] || pkg-config --exists openssl || missing="$missing libssl-dev"
if [ -n "$missing" ]; then
  case "$missing" in *pkg-config*) missing="$missing libssl-dev" ;; esac
  install="apt-get install --yes --no-install-recommends$missing"
  [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1 || fail "missing:$missing; install them: sudo $install"
  printf '%s\n' "kafkasink: installs$missing" >&2
  apt-get update --quiet=2 >&2
  DEBIAN_FRONTEND=noninteractive $install >&2
fi

if ! command -v cargo >/dev/null 2>&1; then
  [ -z "${SUDO_USER:-}" ] || fail "no Rust on the PATH that sudo sets: $as_root $target"
  fail "no Rust: install rustup (https://rustup.rs), it reads rust-toolchain.toml and fetches the pinned version"
fi
cargo --version >/dev/null 2>&1 ||
  fail "the Rust version of rust-toolchain.toml is not installed: run 'rustup toolchain install' in this folder"
