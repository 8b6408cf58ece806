//! The generated keys of a SQLite installation, in files next to the database.

use std::{
    fs::OpenOptions,
    io::{ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use secrecy::SecretString;
use uuid::Uuid;

/// Reads the file `DATABASE.EXTENSION`, or creates it with a key from `generate` and mode 0600. Safe to call from several
/// processes at once: all of them get the same key.
///
/// # Errors
/// Returns an error if the file can be neither read nor written, or `generate` fails.
pub(crate) fn load_or_create(
    database: &Path,
    extension: &str,
    generate: impl FnOnce() -> anyhow::Result<String>,
) -> anyhow::Result<SecretString> {
    if let Some(secret) = load(database, extension)? {
        return Ok(secret);
    }
    let path = path(database, extension);
    match create(&path, generate()?) {
        Ok(secret) => Ok(secret),
        // Another process was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read(&path),
        Err(error) => Err(error).with_context(|| format!("cannot write {}", path.display())),
    }
}

/// Reads the file `DATABASE.EXTENSION`, if there is one.
///
/// # Errors
/// Returns an error if the file cannot be read.
pub(crate) fn load(database: &Path, extension: &str) -> anyhow::Result<Option<SecretString>> {
    let path = path(database, extension);
    path.exists().then(|| read(&path)).transpose()
}

/// The path `DATABASE.EXTENSION`.
pub(crate) fn path(database: &Path, extension: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(format!(".{extension}"));
    path.into()
}

fn read(path: &Path) -> anyhow::Result<SecretString> {
    let stored = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(stored.trim().to_owned().into())
}

/// Writes a draft and links it to `path`: a reader never sees a partial key, and of two writers one wins.
fn create(path: &Path, secret: String) -> std::io::Result<SecretString> {
    // `hard_link`, unlike `rename`, fails when the target exists.
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&draft)?;
    file.write_all(secret.as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    linked.map(|()| secret.into())
}

/// 244 random bits from the system's generator, as hexadecimal digits.
#[expect(clippy::disallowed_methods, reason = "random bits, not identifiers")]
pub(crate) fn random_key() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret as _;

    #[test]
    fn a_key_is_created_once_and_readable_by_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("ally.db");
        let first = load_or_create(&database, "secret", || Ok(random_key())).unwrap();
        assert!(first.expose_secret().len() >= 32);
        assert_eq!(
            load_or_create(&database, "secret", || Ok(random_key())).unwrap().expose_secret(),
            first.expose_secret()
        );
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(folder.path().join("ally.db.secret")).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no draft is left behind");
    }
}
