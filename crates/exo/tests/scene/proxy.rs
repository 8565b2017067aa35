//! What stands in front of a broker, as HAProxy or a tunnel does: it accepts connections whether there is one or not.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// The proxy.
pub struct Proxy {
    pub port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    is_open: AtomicBool,
    refused: AtomicUsize,
    live: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    /// One in front of that port, which hangs up until it is opened.
    pub fn new(broker: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if !shared.is_open.load(Ordering::SeqCst) {
                    drop(client);
                    shared.refused.fetch_add(1, Ordering::SeqCst);
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", broker)) else { continue };
                let copy = |stream: &TcpStream| stream.try_clone().unwrap();
                shared.live.lock().unwrap().extend([copy(&client), copy(&server)]);
                pass_on(copy(&client), copy(&server));
                pass_on(server, client);
            }
        });
        Self { port, state }
    }

    /// Lets all through.
    pub fn open(&self) {
        self.state.is_open.store(true, Ordering::SeqCst);
    }

    /// Hangs up, now and on whoever comes.
    pub fn close(&self) {
        self.state.is_open.store(false, Ordering::SeqCst);
        for stream in self.state.live.lock().unwrap().drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// On how many it has hung up as they came.
    pub fn refused(&self) -> usize {
        self.state.refused.load(Ordering::SeqCst)
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream) {
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(length @ 1..) = from.read(&mut buffer) {
            if to.write_all(&buffer[..length]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}
