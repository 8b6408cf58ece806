//! Compiles the crate again when the pages that it embeds have changed.

fn main() {
    println!("cargo:rerun-if-changed=pages");
}
