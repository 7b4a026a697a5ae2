//! Bytes over a link: a connection in one namespace, whose sending end is under it.

use std::net::SocketAddr;
use std::sync::Arc;

use rebuffer_shaper::{Link, prepare_listener};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A connection; what is written to `server` is shaped.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) server: Arc<TcpStream>,
    pub(crate) client: TcpStream,
}

impl Connection {
    /// A connection to the port that a link was attached with.
    pub(crate) async fn open(link: &Link, ip: &str) -> Self {
        let address = SocketAddr::new(ip.parse().unwrap(), link.port());
        Self::through(link, &listen(&address.to_string())).await
    }

    pub(crate) async fn through(link: &Link, listener: &TcpListener) -> Self {
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (server, _) = listener.accept().await.unwrap();
        let server = Arc::new(server);
        link.adopt(&server).unwrap();
        Self { server, client }
    }

    /// Moves so many bytes, after they were asked for.
    pub(crate) async fn carry(&mut self, bytes: usize) {
        self.client.write_all(b"?").await.unwrap();
        self.server.readable().await.unwrap();
        assert_eq!(self.server.try_read(&mut [0]).unwrap(), 1);
        let mut into = vec![0; bytes];
        let write = write(&self.server, bytes);
        let (_, read) = tokio::join!(write, self.client.read_exact(&mut into));
        read.unwrap();
    }
}

/// Listens as the proxy does.
pub(crate) fn listen(address: &str) -> TcpListener {
    let address: SocketAddr = address.parse().unwrap();
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
    prepare_listener(&socket).unwrap();
    socket.set_nonblocking(true).unwrap();
    socket.bind(&address.into()).unwrap();
    socket.listen(8).unwrap();
    TcpListener::from_std(socket.into()).unwrap()
}

async fn write(socket: &TcpStream, bytes: usize) {
    let data = vec![7; bytes];
    let mut sent = 0;
    while sent < bytes {
        socket.writable().await.unwrap();
        match socket.try_write(&data[sent..]) {
            Ok(written) => sent += written,
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
        }
    }
}
