//! The push service and the mail server of the end-to-end tests, as a process.
//!
//! The argument is the file that the certificate of the push service's authority is written to. Prints one line of JSON when
//! it runs: `{"control": "http://127.0.0.1:…", "host": "localhost:…", "smtp": "smtp://127.0.0.1:…"}`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panicking, and reads what this prints")]

use allynet_tests::{
    control,
    mail_server::{Encryption, MailServer},
    push_service::PushService,
};
use serde_json::json;

#[tokio::main]
async fn main() {
    let certificate = std::env::args().nth(1).unwrap();
    let push_service = PushService::start().await;
    let mail_server = MailServer::start(Encryption::Plain, "250 OK").await;
    std::fs::write(certificate, push_service.authority()).unwrap();
    let (host, smtp) = (push_service.host(), format!("smtp://127.0.0.1:{}", mail_server.port()));
    let control = control::start(push_service, mail_server).await;
    println!("{}", json!({"control": format!("http://{control}"), "host": host, "smtp": smtp}));
    std::future::pending::<()>().await;
}
