//! Names in the lab.

use std::{
    collections::BTreeMap,
    fs, io,
    net::{Ipv4Addr, UdpSocket},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use anyhow::Context;
use network_lab::Host;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

const PORT: u16 = 53;
/// Where the system looks which name server to ask.
const SETTINGS: &str = "/etc/resolv.conf";
/// A message begins with that many bytes, before the question (RFC 1035, section 4.1.1).
const HEADER: usize = 12;
const NO_SUCH_NAME: u8 = 3;
const TYPE_A: [u8; 2] = [0, 1];

/// What is known about a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// There is no such name.
    Unknown,
    /// No answer ever comes.
    Never,
    /// Its address.
    Address(Ipv4Addr),
}

type Answers = Arc<Mutex<BTreeMap<String, Answer>>>;

/// The name server of everything that this test process starts, on a host, until it is dropped.
pub struct NameServer {
    answers: Answers,
    settings: PathBuf,
}

impl NameServer {
    /// Knows no name yet.
    ///
    /// # Errors
    /// If the kernel does not let it listen, or the system be told of it.
    pub fn start(host: &Host) -> anyhow::Result<Self> {
        let socket = host.enter(|| UdpSocket::bind((host.address(), PORT)))??;
        let answers = Answers::default();
        let known = Arc::clone(&answers);
        thread::spawn(move || -> io::Result<()> {
            let mut message = [0; 512];
            loop {
                let (len, asker) = socket.recv_from(&mut message)?;
                let reply = {
                    let known = known.lock().unwrap_or_else(PoisonError::into_inner);
                    reply(&message[..len], &known)
                };
                if let Some(reply) = reply {
                    socket.send_to(&reply, asker)?;
                }
            }
        });
        let settings = std::env::temp_dir().join(format!("huddle-names-{}", std::process::id()));
        fs::write(&settings, format!("nameserver {}\n", host.address()))?;
        let nothing: Option<&Path> = None;
        // Only this process and its children see it: the lab has mounts of its own.
        mount(
            Some(&settings),
            SETTINGS,
            nothing,
            MsFlags::MS_BIND,
            nothing,
        )
        .with_context(|| format!("cannot replace {SETTINGS}"))?;
        Ok(Self { answers, settings })
    }

    /// From now on this is the answer about a name.
    pub fn set(&self, name: &str, answer: Answer) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(name.to_owned(), answer);
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        // Errors would mean that it is gone already.
        let _ = umount2(SETTINGS, MntFlags::MNT_DETACH);
        let _ = fs::remove_file(&self.settings);
    }
}

/// A reply to a message with one question; others get none.
fn reply(message: &[u8], known: &BTreeMap<String, Answer>) -> Option<Vec<u8>> {
    let (mut labels, mut at) = (Vec::new(), HEADER);
    while let label_len @ 1.. = usize::from(*message.get(at)?) {
        labels.push(str::from_utf8(message.get(at + 1..=at + label_len)?).ok()?);
        at += 1 + label_len;
    }
    let answer = known.get(&labels.join(".")).copied();
    let kind = at + 1;
    let asks_for_a = message.get(kind..kind + 2)? == TYPE_A;
    let mut reply = message.get(..kind + 4)?.to_vec();
    // A response, with recursion, and with one question and nothing else.
    reply[2..4].copy_from_slice(&[0x81, 0x80]);
    reply[6..HEADER].fill(0);
    match answer.unwrap_or(Answer::Unknown) {
        Answer::Never => return None,
        Answer::Unknown => reply[3] |= NO_SUCH_NAME,
        Answer::Address(address) if asks_for_a => {
            reply[7] = 1;
            // The name of the question, type A, class IN, good for a second.
            reply.extend([0xc0, HEADER as u8, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
            reply.extend(address.octets());
        }
        Answer::Address(_) => {}
    }
    Some(reply)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTION: &[u8] = b"\x12\x34\x01\x20\0\x01\0\0\0\0\0\0\x04play\x04test\0\0\x01\0\x01";

    #[test]
    fn a_name_is_answered_as_it_is_known() {
        let address = Ipv4Addr::new(10, 78, 0, 3);
        let mut known = BTreeMap::new();
        let unknown = reply(QUESTION, &known).unwrap();
        assert_eq!((unknown[3] & 15, unknown[7]), (NO_SUCH_NAME, 0));
        known.insert("play.test".to_owned(), Answer::Address(address));
        let found = reply(QUESTION, &known).unwrap();
        assert_eq!((found[3] & 15, found[7]), (0, 1));
        assert!(found.ends_with(&address.octets()));
        known.insert("play.test".to_owned(), Answer::Never);
        assert_eq!(reply(QUESTION, &known), None);
    }

    #[test]
    fn what_is_no_question_gets_no_answer() {
        for len in 0..QUESTION.len() {
            assert_eq!(reply(&QUESTION[..len], &BTreeMap::new()), None, "{len}");
        }
    }
}
