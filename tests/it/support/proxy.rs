//! A way to a buildlet that can be cut.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// How a connection is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// Both ends are told at once, and nobody is let in again: a process that ended, a firewall that refuses.
    Closed,
    /// Nothing arrives any more and nobody is told: a cable that was pulled.
    Silent,
}

/// Forwards TCP to one address until it is cut.
pub(crate) struct Proxy {
    port: u16,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    cut: Option<Cut>,
    streams: Vec<TcpStream>,
}

impl Proxy {
    /// To this port of loopback. The threads end with the test's process.
    pub(crate) fn to(target: u16) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(client) = client else { return };
                connect(&shared, client, target);
            }
        });
        Proxy { port, state }
    }

    /// The same URL, led through here.
    pub(crate) fn url(&self, url: &str, target: u16) -> String {
        let (from, to) = (format!("127.0.0.1:{target}/"), format!("127.0.0.1:{}/", self.port));
        assert!(url.contains(&from), "the URL names its port");
        url.replace(&from, &to)
    }

    /// What machines by URL are called.
    pub(crate) fn name(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub(crate) fn cut(&self, how: Cut) {
        let mut state = self.state.lock().unwrap();
        state.cut = Some(how);
        if how == Cut::Closed {
            for stream in state.streams.drain(..) {
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
    }
}

fn connect(shared: &Arc<Mutex<State>>, client: TcpStream, target: u16) {
    let mut state = shared.lock().unwrap();
    if let Some(cut) = state.cut {
        if cut == Cut::Silent {
            // Kept open: nobody is told anything.
            state.streams.push(client);
        }
        return;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", target)) else { return };
    for (from, to) in [(&client, &server), (&server, &client)] {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let shared = Arc::clone(shared);
        std::thread::spawn(move || forward(&shared, from, to));
    }
    state.streams.extend([client, server]);
}

fn forward(shared: &Mutex<State>, mut from: TcpStream, mut to: TcpStream) {
    let mut buffer = [0; 64 << 10];
    while let Ok(count) = from.read(&mut buffer) {
        // What comes after a silent cut is swallowed, an end included.
        let silent = shared.lock().unwrap().cut == Some(Cut::Silent);
        match (count, silent) {
            (0, true) => return,
            (0, false) => {
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            (_, true) => {}
            (_, false) => {
                if to.write_all(&buffer[..count]).is_err() {
                    return;
                }
            }
        }
    }
}
