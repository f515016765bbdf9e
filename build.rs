//! Compiles `proto/` with protox (no protoc) and keeps the descriptor set with our method options in it.
//!
//! The bytes are written as protox encodes them: prost's own descriptor type would drop the custom options.

use std::path::PathBuf;
use std::{env, error, fs};

fn main() -> Result<(), Box<dyn error::Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rerun-if-changed=migrations");
    let mut files: Vec<PathBuf> =
        fs::read_dir("proto/qinlian/v1")?.map(|entry| entry.map(|e| e.path())).collect::<Result<_, _>>()?;
    files.sort();
    let mut compiler = protox::Compiler::new(["proto"])?;
    compiler.include_imports(true).include_source_info(true).open_files(&files)?;
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(out.join("qinlian.bin"), compiler.encode_file_descriptor_set())?;
    // Facts are recognised by their bytes: a map must be written in one order.
    tonic_prost_build::configure()
        .btree_map(".qinlian")
        // Results go out as they are stored: `src/proto/encoded.rs`.
        .extern_path(".qinlian.v1.ListDayResultsSinceResponse", "crate::proto::DayResults")
        .extern_path(".qinlian.v1.WatchDayResultsResponse", "crate::proto::DayResults")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}
