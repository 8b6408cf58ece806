//! A mail server for tests: SMTP (RFC 5321) on loopback, with TLS from the first byte, by STARTTLS, or none.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use crate::certificates::Certificates;

/// How clients encrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encryption {
    Implicit,
    StartTls,
    Plain,
}

/// A message that the server has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// The paths of the envelope, as they were sent.
    pub from: String,
    pub to: String,
    /// The argument of `AUTH PLAIN`, in base64.
    pub credentials: Option<String>,
    /// Headers and text.
    pub message: String,
    /// Whether the connection was encrypted.
    pub encrypted: bool,
}

/// The running server. Its connections end with the runtime.
#[derive(Clone)]
pub struct MailServer {
    address: SocketAddr,
    authority: Arc<str>,
    encryption: Encryption,
    /// The reply to `RCPT`.
    reply: &'static str,
    delivered: watch::Sender<Vec<Delivered>>,
}

impl MailServer {
    /// Starts a server that replies to every recipient with this line: `250 OK`.
    pub async fn start(encryption: Encryption, reply: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let certificates = Arc::new(Certificates::new());
        let authority = certificates.authority.as_str().into();
        let server = Self { address, authority, encryption, reply, delivered: watch::Sender::default() };
        let accepting = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(accepting.clone().serve(stream, Arc::clone(&certificates)));
            }
        });
        server
    }

    /// The certificate of the authority that its clients have to trust, in PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The messages so far.
    pub fn delivered(&self) -> Vec<Delivered> {
        self.delivered.borrow().clone()
    }

    async fn serve(self, stream: TcpStream, certificates: Arc<Certificates>) {
        // A client that goes away or does not trust the authority ends its connection.
        match self.encryption {
            Encryption::Plain => drop(self.talk(BufReader::new(stream), false, false).await),
            Encryption::Implicit => {
                let Ok(stream) = certificates.acceptor.accept(stream).await else { return };
                self.talk(BufReader::new(stream), true, false).await.ok();
            }
            Encryption::StartTls => {
                let Ok(Some(stream)) = self.talk(BufReader::new(stream), false, true).await else { return };
                let Ok(stream) = certificates.acceptor.accept(stream.into_inner()).await else { return };
                // The greeting is not repeated after STARTTLS.
                self.commands(BufReader::new(stream), true, false).await.ok();
            }
        }
    }

    async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: BufReader<S>,
        encrypted: bool,
        offers_tls: bool,
    ) -> std::io::Result<Option<BufReader<S>>> {
        stream.write_all(b"220 localhost ESMTP\r\n").await?;
        stream.flush().await?;
        self.commands(stream, encrypted, offers_tls).await
    }

    /// Serves commands until the client quits, or asks for TLS: then returns the connection.
    async fn commands<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        mut stream: BufReader<S>,
        encrypted: bool,
        offers_tls: bool,
    ) -> std::io::Result<Option<BufReader<S>>> {
        let mut mail =
            Delivered { from: String::new(), to: String::new(), credentials: None, message: String::new(), encrypted };
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).await? == 0 {
                return Ok(None);
            }
            let line = line.trim_end();
            let reply = match line.split(' ').next().unwrap_or_default() {
                "EHLO" if offers_tls => "250-localhost\r\n250 STARTTLS",
                "EHLO" => "250-localhost\r\n250 AUTH PLAIN",
                "STARTTLS" if offers_tls => "220 Go ahead",
                "AUTH" => {
                    mail.credentials = line.strip_prefix("AUTH PLAIN ").map(str::to_owned);
                    "235 Authenticated"
                }
                "MAIL" => {
                    line.clone_into(&mut mail.from);
                    "250 OK"
                }
                "RCPT" => {
                    line.clone_into(&mut mail.to);
                    self.reply
                }
                "DATA" => {
                    stream.write_all(b"354 Go ahead\r\n").await?;
                    stream.flush().await?;
                    mail.message = read_message(&mut stream).await?;
                    self.delivered.send_modify(|all| all.push(mail.clone()));
                    "250 OK"
                }
                "RSET" | "NOOP" => "250 OK",
                "QUIT" => "221 Bye",
                _ => "502 Unknown command",
            };
            stream.write_all(format!("{reply}\r\n").as_bytes()).await?;
            stream.flush().await?;
            match line {
                "STARTTLS" if offers_tls => return Ok(Some(stream)),
                "QUIT" => return Ok(None),
                _ => {}
            }
        }
    }
}

async fn read_message<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> std::io::Result<String> {
    let mut message = String::new();
    while !message.ends_with("\r\n.\r\n") {
        if stream.read_line(&mut message).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(message)
}
