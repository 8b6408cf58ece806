//! Certificates of servers on this machine, signed by an authority that exists for one test.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{
    ServerConfig,
    crypto::ring::default_provider,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio_rustls::TlsAcceptor;

/// The addresses from 127.0.0.1 on that a certificate is for, so that one process can be several hosts.
const MAX_HOSTS: u8 = 8;

/// An authority, and the TLS of a server named `localhost` at the loopback addresses.
pub struct Certificates {
    /// The certificate of the authority, in PEM.
    pub authority: String,
    /// Accepts TLS connections as the server.
    pub acceptor: TlsAcceptor,
}

impl Certificates {
    pub fn new() -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let addresses = (1..=MAX_HOSTS).map(|host| format!("127.0.0.{host}"));
        let names: Vec<String> = ["localhost", "::1"].map(str::to_owned).into_iter().chain(addresses).collect();
        let key = KeyPair::generate().unwrap();
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = config.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        Self { authority: authority.pem(), acceptor: TlsAcceptor::from(Arc::new(config)) }
    }
}

impl Default for Certificates {
    fn default() -> Self {
        Self::new()
    }
}
