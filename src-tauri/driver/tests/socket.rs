//! The local socket: private, bounded, one document per line.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

#[allow(dead_code, reason = "each test uses the parts it needs")]
mod stand_in;

use sluice_driver::clock::Clock;
use sluice_driver::socket::{self, CONNECTIONS_MAX, Client, REQUEST_MAX};
use sluice_driver::{Config, Handle, Paths, start_with};
use sluice_protocol::{Answer, Request};
use stand_in::Outside;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;

/// For what a busy machine may take its time for.
const PATIENCE: Duration = Duration::from_secs(60);

struct Served {
    _dir: tempfile::TempDir,
    paths: Paths,
    handle: Handle,
}

fn serve() -> Served {
    let dir = tempfile::tempdir().unwrap();
    let paths = Paths::at(dir.path().join("data"));
    let outside = Outside::new(Clock::real(), "advise");
    let config = Config { role: "test".to_owned(), offline: false };
    let handle = start_with(outside.parts(), Clock::real(), config).unwrap();
    let listener = socket::listen(socket::bind(&paths).unwrap()).unwrap();
    tokio::spawn(socket::serve(listener, handle.clone()));
    Served { _dir: dir, paths, handle }
}

async fn line(stream: &mut BufReader<UnixStream>) -> String {
    let mut line = String::new();
    tokio::time::timeout(PATIENCE, stream.read_line(&mut line)).await.unwrap().unwrap();
    line
}

async fn connect(served: &Served) -> BufReader<UnixStream> {
    BufReader::new(UnixStream::connect(served.paths.socket()).await.unwrap())
}

#[tokio::test]
async fn directory_and_socket_are_private() {
    let served = serve();
    let mode = |path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(served.paths.run_dir()), 0o700);
    assert_eq!(mode(served.paths.socket()), 0o600);
}

#[tokio::test]
async fn requests_are_answered_line_by_line_and_nonsense_is_refused() {
    let served = serve();
    let mut stream = connect(&served).await;
    for (sent, wanted) in [
        ("{\"verb\":\"status\"}\n", "\"answer\":\"view\""),
        ("not json\n", "\"code\":\"invalid\""),
        ("{\"verb\":\"format_disk\"}\n", "\"code\":\"unknown_verb\""),
        (
            "{\"v\":2,\"id\":7,\"verb\":\"status\"}\n",
            "\"id\":7,\"answer\":\"refused\",\"code\":\"version\"",
        ),
        (
            "{\"v\":1,\"id\":\"a\",\"verb\":\"settings\"}\n",
            "\"v\":1,\"id\":\"a\",\"answer\":\"settings\"",
        ),
        ("[1]\n", "\"code\":\"invalid\""),
        ("{\"verb\":\"swap\"}\n", "\"code\":\"invalid\""),
        ("{\"verb\":\"swap\",\"to\":99}\n", "\"code\":\"unknown_account\""),
        ("\n", "\"code\":\"invalid\""),
        ("{\"verb\":\"settings\"}\n", "\"answer\":\"settings\""),
    ] {
        stream.get_mut().write_all(sent.as_bytes()).await.unwrap();
        let answer = line(&mut stream).await;
        assert!(answer.contains(wanted), "{sent:?} → {answer}");
    }
}

#[tokio::test]
async fn a_request_longer_than_the_bound_ends_the_connection() {
    let served = serve();
    let mut stream = connect(&served).await;
    // The other side stops reading at the bound, so not every byte may be taken.
    let _taken = stream.get_mut().write_all(&vec![b'x'; REQUEST_MAX + 10]).await;
    assert!(line(&mut stream).await.contains("64 KiB"));
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok() && rest.is_empty());
}

#[tokio::test]
async fn a_request_of_the_longest_length_is_answered() {
    let served = serve();
    let mut stream = connect(&served).await;
    let request = "{\"verb\":\"settings\"}";
    let padded = |bytes: usize| format!("{request}{}\n", " ".repeat(bytes - request.len() - 1));
    stream.get_mut().write_all(padded(REQUEST_MAX).as_bytes()).await.unwrap();
    assert!(line(&mut stream).await.contains("\"answer\":\"settings\""));
    stream.get_mut().write_all(padded(REQUEST_MAX + 1).as_bytes()).await.unwrap();
    assert!(line(&mut stream).await.contains("64 KiB"));
}

#[tokio::test]
async fn a_request_without_its_end_is_not_carried_out() {
    let served = serve();
    let mut stream = connect(&served).await;
    stream.get_mut().write_all(b"{\"verb\":\"settings\"}\n{\"verb\":\"stop\"}").await.unwrap();
    stream.get_mut().shutdown().await.unwrap();
    assert!(line(&mut stream).await.contains("\"answer\":\"settings\""));
    assert_eq!(line(&mut stream).await, "", "nothing more is answered");
    assert!(!served.handle.views().borrow().stopped);
}

#[tokio::test]
async fn connections_are_bounded_and_come_free_again() {
    let served = serve();
    let mut idle = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        let mut stream = connect(&served).await;
        stream.get_mut().write_all(b"{\"verb\":\"settings\"}\n").await.unwrap();
        line(&mut stream).await;
        idle.push(stream);
    }
    let mut refused = connect(&served).await;
    let _taken = refused.get_mut().write_all(b"{\"verb\":\"status\"}\n").await;
    let mut byte = [0];
    let read = tokio::time::timeout(PATIENCE, refused.read(&mut byte)).await.unwrap();
    assert!(matches!(read, Ok(0) | Err(_)));
    drop(idle);
    let freed = async {
        while Client::attach(&served.paths, false).await.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, freed).await.unwrap();
}

#[tokio::test]
async fn a_watching_client_sees_changes_and_notices_the_end() {
    let served = serve();
    let client = Client::attach(&served.paths, true).await.unwrap();
    let mut views = client.views();
    client.call(&Request::Stop).await;
    let stopped = views.wait_for(|view| view.stopped);
    tokio::time::timeout(PATIENCE, stopped).await.unwrap().unwrap();
    served.handle.shut_down(PATIENCE).await;
    let answer = client.call(&Request::Status).await;
    assert!(matches!(answer, Answer::Refused(_)), "{answer:?}");
    assert!(Client::attach(&served.paths, false).await.is_none());
}

#[tokio::test]
async fn a_watching_client_is_told_that_its_driver_is_gone() {
    let served = serve();
    let client = Client::attach(&served.paths, true).await.unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), client.gone()).await;
    assert!(early.is_err(), "it is there");
    served.handle.shut_down(Duration::from_secs(5)).await;
    tokio::time::timeout(Duration::from_secs(5), client.gone()).await.unwrap();
}

#[tokio::test]
async fn a_left_over_socket_is_replaced_and_anything_else_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let paths = Paths::at(dir.path());
    drop(socket::bind(&paths).unwrap());
    drop(socket::bind(&paths).unwrap());
    std::fs::remove_file(paths.socket()).unwrap();
    std::fs::write(paths.socket(), b"mine").unwrap();
    assert!(socket::bind(&paths).is_err());
    assert_eq!(std::fs::read(paths.socket()).unwrap(), b"mine");
}
