//! The guard, with a resolver that answers as the test says.

use std::collections::VecDeque;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::net::TcpListener;

use super::*;
use crate::trust::ExtraCa;

/// Answers each question with the next list of addresses.
struct Answers(Mutex<VecDeque<Vec<&'static str>>>);

#[async_trait]
impl Resolver for Answers {
    async fn resolve(&self, _: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let answer = self.0.lock().pop_front().ok_or_else(|| io::Error::other("no answer is left"))?;
        Ok(answer.into_iter().map(|address| SocketAddr::new(address.parse().unwrap(), port)).collect())
    }
}

fn connector(destinations: Destinations, answers: &[&[&'static str]]) -> GuardedConnector {
    let answers = answers.iter().map(|answer| answer.to_vec()).collect();
    let tls = ExtraCa::default().client_config().unwrap();
    GuardedConnector::new(Arc::new(Answers(Mutex::new(answers))), destinations, tls)
}

fn strangers(allowed: &[&str]) -> Destinations {
    Destinations::Strangers(EndpointRules::new(allowed.iter().map(|host| host.parse().unwrap()).collect()))
}

async fn judge(connector: &GuardedConnector, url: &str) -> Result<Vec<SocketAddr>, ConnectError> {
    connector.addresses(&url.parse().unwrap()).await.map(|checked| checked.0)
}

#[tokio::test]
async fn every_address_of_a_name_is_judged() {
    let url = "https://push.example.org/x";
    for (answer, expected) in [
        (&["8.8.8.8", "2606:4700::1111"][..], Ok(2)),
        (&["127.0.0.1"], Err(ConnectError::Address)),
        (&["8.8.8.8", "10.0.0.1"], Err(ConnectError::Address)),
        (&["8.8.8.8", "::ffff:127.0.0.1"], Err(ConnectError::Address)),
        (&["64:ff9b::7f00:1"], Err(ConnectError::Address)),
        (&["fd00::1", "2606:4700::1111"], Err(ConnectError::Address)),
        (&[], Err(ConnectError::Name)),
    ] {
        let connector = connector(strangers(&[]), &[answer]);
        assert_eq!(judge(&connector, url).await.map(|addresses| addresses.len()), expected, "{answer:?}");
    }
}

#[tokio::test]
async fn a_name_is_judged_again_at_the_next_connection() {
    let connector = connector(strangers(&[]), &[&["8.8.8.8"], &["127.0.0.1"]]);
    assert!(judge(&connector, "https://push.example.org/x").await.is_ok());
    assert_eq!(judge(&connector, "https://push.example.org/x").await, Err(ConnectError::Address));
}

#[tokio::test]
async fn an_address_in_a_url_is_judged_without_being_resolved() {
    let connector = connector(strangers(&["10.0.0.7:8443"]), &[]);
    for url in ["https://127.0.0.1/", "https://[::1]/", "https://10.0.0.7/", "https://2130706433/"] {
        assert_eq!(judge(&connector, url).await, Err(ConnectError::Address), "{url}");
    }
    assert!(judge(&connector, "https://10.0.0.7:8443/").await.is_ok());
    assert!(judge(&connector, "https://8.8.8.8/").await.is_ok());
}

#[tokio::test]
async fn the_connection_goes_to_the_judged_address_and_to_no_other() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    // The name exists in no directory: only the judged address can lead to the listener. A second question would fail.
    let host = format!("push.invalid:{port}");
    let mut exempt = connector(strangers(&[&host]), &[&["127.0.0.1"]]);
    let connecting = tokio::spawn(exempt.call(format!("https://{host}/").parse().unwrap()));
    let (accepted, _) = listener.accept().await.unwrap();
    // The handshake fails, because this is no server.
    drop(accepted);
    assert!(connecting.await.unwrap().is_err());

    let mut guarded = connector(strangers(&[]), &[&["127.0.0.1"]]);
    let error = guarded.call(format!("https://{host}/").parse().unwrap()).await.unwrap_err();
    assert_eq!(error.downcast_ref(), Some(&ConnectError::Address));
}

#[tokio::test]
async fn requests_in_the_clear_stay_in_the_own_network_and_strangers_get_none() {
    let operator = connector(Destinations::Operator, &[&["10.1.2.3"], &["8.8.8.8"], &["8.8.8.8"]]);
    assert!(judge(&operator, "http://gateway.internal:8080/").await.is_ok());
    assert_eq!(judge(&operator, "http://gateway.example.org/").await, Err(ConnectError::Address));
    assert!(judge(&operator, "https://gateway.example.org/").await.is_ok());
    assert!(judge(&operator, "http://127.0.0.1:8080/").await.is_ok());
    assert_eq!(judge(&operator, "http://169.254.169.254/").await, Err(ConnectError::Address));
    let strangers = connector(strangers(&["10.0.0.7"]), &[]);
    assert_eq!(judge(&strangers, "http://10.0.0.7/").await, Err(ConnectError::Url));
}

#[tokio::test]
async fn the_resolver_of_the_system_knows_localhost() {
    let addresses = SystemResolver::new().resolve("localhost", 7).await.unwrap();
    assert!(!addresses.is_empty() && addresses.iter().all(|address| address.ip().is_loopback()), "{addresses:?}");
}
