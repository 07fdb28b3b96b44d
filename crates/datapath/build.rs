//! Compiles the kernel programs.

use std::{env, path::PathBuf, process::Command};

fn main() {
    let bpf = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../bpf");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("bulkhead.bpf.o");
    println!("cargo::rerun-if-changed={}", bpf.display());
    println!("cargo::rerun-if-env-changed=CLANG");
    let clang = env::var("CLANG").unwrap_or_else(|_| "clang".to_owned());
    let mut command = Command::new(&clang);
    command
        .args(["-O2", "-g", "-target", "bpf", "-mcpu=v3", "-Wall", "-Wextra", "-Werror"])
        .args(["-Wno-unused-parameter", "-Wno-sign-compare"])
        // asm/types.h lies in a folder of the architecture on Debian and Ubuntu
        .arg(format!(
            "-I/usr/include/{}-linux-gnu",
            env::var("CARGO_CFG_TARGET_ARCH").expect("cargo sets it")
        ))
        .arg("-c")
        .arg(bpf.join("bulkhead.bpf.c"))
        .arg("-o")
        .arg(&out);
    match command.status() {
        Ok(status) if status.success() => {}
        Ok(status) => {
            panic!("{clang} could not compile bpf/bulkhead.bpf.c ({status}); see the messages above")
        }
        Err(error) => panic!(
            "cannot run {clang}: {error}. Install clang and libbpf-dev (Debian, Ubuntu), or set CLANG to a clang \
             that has the bpf target"
        ),
    }
}
