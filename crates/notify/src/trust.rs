//! Which certificates are trusted: the roots of Mozilla, and those of the operator besides.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring::default_provider,
    pki_types::{CertificateDer, pem::PemObject as _},
};

/// The error of a file with certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExtraCaError {
    /// The file cannot be read, or is no PEM.
    #[error("cannot read certificates")]
    Unreadable(#[source] rustls::pki_types::pem::Error),
    /// The file has no certificate.
    #[error("there is no certificate in the file")]
    Empty,
    /// A certificate cannot be the root of a chain.
    #[error("a certificate cannot be trusted")]
    Invalid(#[source] rustls::Error),
}

/// The certificates that are trusted besides the built-in roots.
#[derive(Debug, Clone, Default)]
pub struct ExtraCa(Vec<CertificateDer<'static>>);

impl ExtraCa {
    /// Reads a PEM file.
    ///
    /// # Errors
    /// Returns an error if it is not readable, has no certificate, or one that cannot be a root.
    pub fn read(path: &Path) -> Result<Self, ExtraCaError> {
        let certificates = CertificateDer::pem_file_iter(path).map_err(ExtraCaError::Unreadable)?;
        Self::check(certificates.collect::<Result<_, _>>().map_err(ExtraCaError::Unreadable)?)
    }

    fn check(certificates: Vec<CertificateDer<'static>>) -> Result<Self, ExtraCaError> {
        if certificates.is_empty() {
            return Err(ExtraCaError::Empty);
        }
        let mut roots = RootCertStore::empty();
        for certificate in &certificates {
            roots.add(certificate.clone()).map_err(ExtraCaError::Invalid)?;
        }
        Ok(Self(certificates))
    }

    /// The certificates in DER.
    pub(crate) fn certificates(&self) -> &[CertificateDer<'static>] {
        &self.0
    }

    /// The TLS of a client: certificates and names are always verified.
    ///
    /// # Errors
    /// Returns an error if the cryptography has no TLS version in common with the program: never.
    pub(crate) fn client_config(&self) -> Result<Arc<ClientConfig>, rustls::Error> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for certificate in self.certificates() {
            roots.add(certificate.clone())?;
        }
        // Named, because the program may contain a second provider, and then a default does not exist.
        let config =
            ClientConfig::builder_with_provider(Arc::new(default_provider())).with_safe_default_protocol_versions()?;
        Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn read(text: &str) -> Result<ExtraCa, ExtraCaError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        ExtraCa::read(file.path())
    }

    #[test]
    fn a_file_without_usable_certificates_is_an_error() {
        let der = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        assert!(matches!(read(""), Err(ExtraCaError::Empty)));
        assert!(matches!(read("certificates"), Err(ExtraCaError::Empty)));
        assert!(matches!(read(der), Err(ExtraCaError::Invalid(_))));
        assert!(matches!(read(&der.replace('=', "!")), Err(ExtraCaError::Unreadable(_))));
        assert!(matches!(ExtraCa::read(Path::new("/nonexistent/ca.pem")), Err(ExtraCaError::Unreadable(_))));
    }

    #[test]
    fn the_built_in_roots_are_always_trusted() {
        assert!(ExtraCa::default().client_config().is_ok());
    }
}
