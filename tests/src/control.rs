//! The push service and the mail server for other processes: JSON over HTTP on loopback, without TLS.
//!
//! - `POST /subscriptions` makes one: `{token, endpoint, keys: {p256dh, auth}}`
//! - `PUT /subscriptions/{token}/answer {status, headers?, delay?}` sets how it is answered; `delay` in milliseconds
//! - `GET /pushes` returns the messages that the push service has received, `DELETE /pushes` forgets them
//! - `GET /mails` returns the messages that the mail server has accepted: `[{from, to, message}]`

use std::{convert::Infallible, net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{
    mail_server::MailServer,
    push_service::{Answer, PushService, Received},
};

/// Starts the control server of both, and returns its address.
pub async fn start(push_service: PushService, mail_server: MailServer) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (push_service, mail_server) = (push_service.clone(), mail_server.clone());
            let handle = service_fn(move |request| handle(push_service.clone(), mail_server.clone(), request));
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), handle));
        }
    });
    address
}

async fn handle(
    push_service: PushService,
    mail_server: MailServer,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let path: Vec<&str> = head.uri.path().split('/').skip(1).collect();
    let answer = match (&head.method, path.as_slice()) {
        (&Method::POST, ["subscriptions"]) => {
            let made = push_service.subscribe();
            json!({"token": made.token, "endpoint": made.endpoint, "keys": {"p256dh": made.p256dh(), "auth": made.auth()}})
        }
        (&Method::PUT, ["subscriptions", token, "answer"]) => {
            push_service.answer(token, parse_answer(&serde_json::from_slice(&body).unwrap()));
            Value::Null
        }
        (&Method::GET, ["pushes"]) => push_service.received().iter().map(Received::to_json).collect(),
        (&Method::GET, ["mails"]) => {
            let mails = mail_server.delivered();
            mails.iter().map(|mail| json!({"from": mail.from, "to": mail.to, "message": mail.message})).collect()
        }
        (&Method::DELETE, ["pushes"]) => {
            push_service.forget();
            Value::Null
        }
        _ => return Ok(Response::builder().status(404).body(Full::default()).unwrap()),
    };
    let response = Response::builder().header("content-type", "application/json");
    Ok(response.body(Full::new(answer.to_string().into())).unwrap())
}

fn parse_answer(body: &Value) -> Answer {
    let headers = body["headers"].as_object().into_iter().flatten();
    Answer {
        status: body["status"].as_u64().unwrap().try_into().unwrap(),
        headers: headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect(),
        body: Vec::new(),
        delay: Duration::from_millis(body["delay"].as_u64().unwrap_or(0)),
    }
}
