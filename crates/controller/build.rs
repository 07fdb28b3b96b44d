//! Embeds the console, compressed. Where it has not been built a page that says so takes its place, so that cargo works
//! without node.

use flate2::{Compression, write::GzEncoder};
use std::{
    env, fs,
    hash::{DefaultHasher, Hash, Hasher},
    io::{self, Write},
    path::{Path, PathBuf},
};

const PLACEHOLDER: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Bulkhead</title></head>\
<body><h1>Bulkhead is running</h1><p>This binary was built without the console. Build it with \
<code>npm ci &amp;&amp; npm run build</code> in <code>ui/</code> and build the binary again; the command line and the \
REST interface work without it.</p></body></html>\n";

fn main() -> io::Result<()> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../ui/dist");
    let out = PathBuf::from(env::var("OUT_DIR").expect("cargo sets it"));
    println!("cargo:rerun-if-changed={}", root.display());
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    if root.join("index.html").is_file() {
        collect(&root, &root, &mut files)?;
    } else {
        files.push(("index.html".to_owned(), PLACEHOLDER.as_bytes().to_vec()));
    }
    files.sort();
    let mut table = String::from("&[\n");
    for (index, (name, bytes)) in files.iter().enumerate() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes)?;
        let packed = out.join(format!("asset-{index}.gz"));
        fs::write(&packed, encoder.finish()?)?;
        let mut hasher = DefaultHasher::new();
        bytes.hash(&mut hasher);
        let tag = hasher.finish();
        table.push_str(&format!(
            "    Asset {{ path: {name:?}, tag: \"\\\"{tag:016x}\\\"\", packed: include_bytes!({packed:?}) }},\n"
        ));
    }
    table.push_str("]\n");
    fs::write(out.join("assets.rs"), table)
}

fn collect(root: &Path, directory: &Path, files: &mut Vec<(String, Vec<u8>)>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else {
            println!("cargo:rerun-if-changed={}", path.display());
            let name = path.strip_prefix(root).expect("below the root").to_string_lossy().replace('\\', "/");
            files.push((name, fs::read(&path)?));
        }
    }
    Ok(())
}
