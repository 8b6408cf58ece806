//! Rebuilds the crate when a migration is added: the compiler does not see that on its own.

fn main() {
    println!("cargo:rerun-if-changed=../../migrations/sqlite");
}
