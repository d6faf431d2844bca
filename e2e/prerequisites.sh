#!/bin/sh
# What must be there before our first Rust program can be compiled; everything later is checked and installed by
# the lab itself, in Rust. Installs Debian packages when run as root, otherwise names the command.
set -eu

fail() { printf '%s\n' "kafkasink: $1" >&2; exit 1; }

[ "$(uname -s)" = Linux ] || fail "Linux is needed, this is $(uname -s); use a Linux machine or container"
case "$(uname -m)" in x86_64 | aarch64) ;; *) fail "x86_64 or aarch64 is needed, this is $(uname -m)" ;; esac

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

command -v cargo >/dev/null 2>&1 ||
  fail "no Rust: install rustup (https://rustup.rs), it reads rust-toolchain.toml and fetches the pinned version"
cargo --version >/dev/null 2>&1 ||
  fail "the Rust version of rust-toolchain.toml is not installed: run 'rustup toolchain install' in this folder"
