//! Secrets in files: the variable `NAME_FILE` holds the path of a file that holds the value of the secret setting `NAME`.
//!
//! A setting is secret if `--help` hides its value. Its value is passed on to the parser as a flag, so that all rules hold as if
//! it had been in the environment.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use clap::error::ErrorKind;
use secrecy::SecretString;

/// Longest content of a file, in bytes.
const MAX_FILE_BYTES: usize = 65_536;

/// The secret settings that are read from files.
#[derive(Debug, Clone, Default)]
pub(crate) struct SecretFiles(Vec<SecretFile>);

/// A secret setting that is read from a file.
#[derive(Debug, Clone)]
pub(crate) struct SecretFile {
    /// The name of the setting: `ALLYNET_JWT_SECRET`.
    pub(crate) setting: String,
    /// What an error names: `ALLYNET_JWT_SECRET_FILE`.
    pub(crate) source: String,
    /// The file that holds its value.
    pub(crate) path: PathBuf,
    /// The value when it was read.
    pub(crate) value: SecretString,
}

impl SecretFiles {
    /// Finds the variables `NAME_FILE` of all secret settings, reads the files, and adds their values to the arguments.
    ///
    /// # Errors
    /// Returns an error that names the variable if a file cannot be read, or its setting has a value besides.
    pub(super) fn read(
        command: &mut clap::Command,
        arguments: &[OsString],
        variable: impl Fn(&OsStr) -> Option<OsString>,
    ) -> Result<(Self, Vec<OsString>), clap::Error> {
        let set = |name: &str| variable(OsStr::new(name)).filter(|value| !value.is_empty());
        let (mut files, mut values) = (Self::default(), Vec::new());
        let mut wrong = None;
        for (setting, flag) in secret_settings(command) {
            let variable = format!("{setting}_FILE");
            let Some(path) = set(&variable).map(PathBuf::from) else { continue };
            if set(&setting).is_some() || arguments.iter().any(|argument| is_flag(argument, &flag)) {
                let text = format!("{setting} and {variable} are both set: set one of them");
                wrong = wrong.or(Some((ErrorKind::ArgumentConflict, text)));
                continue;
            }
            match read_value(&path) {
                Ok(value) => {
                    values.push(OsString::from(format!("--{flag}={value}")));
                    files.0.push(SecretFile { setting, source: variable, path, value: value.into() });
                }
                Err(error) => wrong = wrong.or(Some((ErrorKind::Io, format!("{variable}: {error:#}")))),
            }
        }
        if let Some((kind, text)) = wrong {
            // `--help` and `--version` need no setting.
            let shown = command.try_get_matches_from_mut(arguments).err().filter(|error| !error.use_stderr());
            return Err(shown.unwrap_or_else(|| command.error(kind, text)));
        }
        let rest = arguments.iter().skip(1).cloned();
        let arguments = arguments.first().cloned().into_iter().chain(values).chain(rest).collect();
        Ok((files, arguments))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &SecretFile> {
        self.0.iter()
    }
}

impl SecretFile {
    /// Reads the value again.
    ///
    /// # Errors
    /// Returns an error that names the variable and the file.
    pub(crate) fn read_again(&self) -> anyhow::Result<SecretString> {
        read_value(&self.path).map(SecretString::from).with_context(|| self.source.clone())
    }
}

/// The names of all secret settings, with their flags.
fn secret_settings(command: &clap::Command) -> Vec<(String, String)> {
    let secrets = command.get_arguments().filter(|argument| argument.is_hide_env_values_set());
    let names = secrets.filter_map(|argument| {
        let name = argument.get_value_names()?.first()?.to_string();
        Some((name, argument.get_long()?.to_owned()))
    });
    names.collect()
}

fn is_flag(argument: &OsStr, flag: &str) -> bool {
    let name = argument.to_str().and_then(|argument| argument.strip_prefix("--"));
    name.is_some_and(|name| name.split('=').next() == Some(flag))
}

/// The content of a file without the blanks at its ends. The content is no part of an error.
fn read_value(path: &Path) -> anyhow::Result<String> {
    let mut content = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES as u64 + 1).read_to_string(&mut content));
    read.with_context(|| format!("cannot read {}", path.display()))?;
    anyhow::ensure!(content.len() <= MAX_FILE_BYTES, "{} is too long to be a secret", path.display());
    let value = content.trim();
    anyhow::ensure!(!value.is_empty(), "{} is empty", path.display());
    anyhow::ensure!(!value.contains('\0'), "{} is no text", path.display());
    Ok(value.to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::settings::CommandLine;

    const SECRET: &str = "a secret of more than thirty-two bytes";

    /// Parses a command line and an environment.
    fn parse(arguments: &[&str], environment: &[(&str, &str)]) -> Result<CommandLine, String> {
        let variable = |name: &OsStr| {
            let found = environment.iter().find(|(given, _)| name == *given);
            found.map(|(_, value)| OsString::from(value))
        };
        let arguments: Vec<_> = ["allynet"].iter().chain(arguments).map(OsString::from).collect();
        CommandLine::parse_from_environment(&arguments, variable).map_err(|error| error.to_string())
    }

    #[test]
    fn every_secret_setting_may_be_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, format!("\n{SECRET}\r\n")).unwrap();
        let path = file.to_str().unwrap();
        let names: Vec<String> = secret_settings(&CommandLine::command()).into_iter().map(|(name, _)| name).collect();
        let expected = [
            "DATABASE_URL",
            "REDIS_URL",
            "ALLYNET_JWT_SECRET",
            "ALLYNET_ADMIN_PASSWORD",
            "ALLYNET_VAPID_PRIVATE_KEY",
            "ALLYNET_SMTP_URL",
            "ALLYNET_ALERT_WEBHOOK_URL",
            "ALLYNET_ALERT_WEBHOOK_SECRET",
        ];
        assert_eq!(names, expected);
        let all: Vec<(String, &str)> = names.iter().map(|name| (format!("{name}_FILE"), path)).collect();
        let all: Vec<(&str, &str)> = all.iter().map(|(name, path)| (name.as_str(), *path)).collect();
        let others =
            ["--admin-email", "a@b.example", "--mail-from", "a@b.example", "--public-url", "https://b.example"];
        for command in [&[][..], &["migrate"]] {
            let arguments = [&others, command].concat();
            let settings = parse(&arguments, &all).unwrap().settings;
            let of_groups = [
                settings.push.vapid_private_key,
                settings.mail.smtp_url,
                settings.webhook.alert_webhook_url,
                settings.webhook.alert_webhook_secret,
            ];
            let others =
                [Some(settings.database_url), settings.redis_url, settings.jwt_secret, settings.admin_password];
            for value in others.into_iter().chain(of_groups) {
                assert_eq!(value.unwrap().expose_secret(), SECRET);
            }
            assert_eq!(settings.secret_files.0.len(), expected.len());
        }
        // As from the environment, an empty one counts as absent.
        assert!(parse(&[], &[("REDIS_URL_FILE", ""), ("REDIS_URL", "")]).unwrap().settings.redis_url.is_none());
    }

    #[test]
    fn a_value_and_a_file_exclude_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        std::fs::write(&file, SECRET).unwrap();
        let file = ("ALLYNET_JWT_SECRET_FILE", file.to_str().unwrap());
        for error in [
            parse(&[], &[file, ("ALLYNET_JWT_SECRET", "hush")]).unwrap_err(),
            parse(&["--jwt-secret", "hush"], &[file]).unwrap_err(),
            parse(&["serve", "--jwt-secret=hush"], &[file]).unwrap_err(),
        ] {
            let line = error.lines().next().unwrap();
            assert_eq!(line, "error: ALLYNET_JWT_SECRET and ALLYNET_JWT_SECRET_FILE are both set: set one of them");
        }
    }

    #[test]
    fn a_file_that_cannot_be_used_is_named_and_not_shown() {
        let folder = tempfile::tempdir().unwrap();
        let written = |name: &str, content: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, content).unwrap();
            path.to_str().unwrap().to_owned()
        };
        for path in [
            folder.path().join("missing").to_str().unwrap().to_owned(),
            folder.path().to_str().unwrap().to_owned(),
            written("empty", b" \n"),
            written("binary", b"hush\xff"),
            written("null", b"hush\0hush"),
            written("long", &vec![b'h'; MAX_FILE_BYTES + 1]),
        ] {
            let error = parse(&[], &[("REDIS_URL_FILE", &path)]).unwrap_err();
            let line = error.lines().next().unwrap();
            assert!(line.contains("REDIS_URL_FILE") && line.contains(&path) && !line.contains("hush"), "{line}");
            let help = parse(&["--help"], &[("REDIS_URL_FILE", &path)]).unwrap_err();
            assert!(help.contains("Usage:") && !help.contains("cannot read"), "{help}");
        }
    }
}
