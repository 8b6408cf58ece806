//! Writes `openapi.json` and `asyncapi.json` into a directory: `allynet-documents DIRECTORY`.
//!
//! A file that has not changed is not written again, so that nothing is rendered from it again.

use std::{error::Error, fs, path::PathBuf};

use allynet_wire::documents::{asyncapi, openapi};

fn main() -> Result<(), Box<dyn Error>> {
    let directory = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: allynet-documents DIRECTORY")?);
    fs::create_dir_all(&directory)?;
    for (name, document) in [("openapi.json", openapi()), ("asyncapi.json", asyncapi())] {
        let (path, content) = (directory.join(name), serde_json::to_vec_pretty(&document)?);
        if fs::read(&path).ok().as_ref() != Some(&content) {
            fs::write(path, content)?;
        }
    }
    Ok(())
}
