//! `allynet backup`: a copy of a SQLite database that is in use, with the keys beside it.

use std::{
    fs::{File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use crate::{
    key_file,
    settings::{Database, Settings},
    store::sqlite_path,
};

/// The generated keys that are copied as well, if they are there.
const KEYS: [&str; 2] = ["secret", "vapid"];

/// Copies the database and the keys beside it to new files that only this user may read.
///
/// # Errors
/// Returns an error if a file exists, cannot be written, or the database cannot be read. No file is left behind then.
pub(crate) async fn back_up(settings: &Settings, target: &Path) -> anyhow::Result<()> {
    let Database::Sqlite(url) = settings.database()? else {
        anyhow::bail!(
            "allynet backup copies SQLite databases. With PostgreSQL, run: pg_dump --format=custom --file={} \
             \"$DATABASE_URL\"",
            target.display()
        );
    };
    let database = sqlite_path(&url);
    anyhow::ensure!(database.exists(), "DATABASE_URL: there is no file {}", database.display());
    let keys = KEYS.map(|name| (key_file::path(&database, name), key_file::path(target, name)));
    let keys: Vec<_> = keys.into_iter().filter(|(from, _)| from.exists()).collect();
    let mut written = NewFiles::default();
    written.create(target)?;
    for (from, to) in &keys {
        let key = std::fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
        written.create(to)?.write_all(&key).with_context(|| format!("cannot write {}", to.display()))?;
    }
    let copied = allynet_sqlite::copy(&url, target).await;
    copied.with_context(|| format!("cannot copy {} to {}", database.display(), target.display()))?;
    let bytes = written.keep().context("cannot write the backup to the disk")?;
    report(target, bytes, &keys.into_iter().map(|(_, to)| to).collect::<Vec<_>>())
}

fn report(target: &Path, bytes: u64, keys: &[PathBuf]) -> anyhow::Result<()> {
    let mut output = io::stdout().lock();
    writeln!(output, "wrote {} ({bytes} bytes)", target.display())?;
    for key in keys {
        writeln!(output, "wrote {}: whoever can read it can act as the service", key.display())?;
    }
    Ok(())
}

/// Files that are removed again unless all of them are complete.
#[derive(Default)]
struct NewFiles(Vec<(PathBuf, File)>);

impl NewFiles {
    /// Creates an empty file that only this user may read.
    fn create(&mut self, path: &Path) -> anyhow::Result<&mut File> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(path).with_context(|| format!("cannot create {}", path.display()))?;
        self.0.push((path.to_owned(), file));
        self.0.last_mut().map(|(_, file)| file).context("the file was just added")
    }

    /// Waits until all files are on the disk, and keeps them. Returns the size of the first.
    fn keep(mut self) -> io::Result<u64> {
        let mut size = None;
        for (path, file) in &self.0 {
            file.sync_all()?;
            size.get_or_insert(file.metadata()?.len());
            // So that the name of the file survives a crash, too.
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            File::open(folder)?.sync_all()?;
        }
        self.0.clear();
        Ok(size.unwrap_or_default())
    }
}

impl Drop for NewFiles {
    fn drop(&mut self) {
        for (path, _) in &self.0 {
            // What cannot be removed is an incomplete file, of which the error tells.
            std::fs::remove_file(path).ok();
        }
    }
}
