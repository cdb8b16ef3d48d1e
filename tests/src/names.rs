//! A name server for the lab.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, UdpSocket},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use network_lab::Host;

use crate::replaced::ReplacedFile;

const PORT: u16 = 53;
/// The file in which the system finds its name server.
const SETTINGS: &str = "/etc/resolv.conf";
/// The length of a message's header, which precedes the question (RFC 1035, section 4.1.1).
const HEADER: usize = 12;
const NO_SUCH_NAME: u8 = 3;
const TYPE_A: [u8; 2] = [0, 1];

/// The answer to a query for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The name does not exist.
    Unknown,
    /// The server does not respond.
    Never,
    /// The name has this address.
    Address(IpAddr),
}

type Answers = Arc<Mutex<BTreeMap<String, Answer>>>;

/// A name server on a host. All programs that this test process starts use it until it is dropped.
pub struct NameServer {
    answers: Answers,
    _settings: ReplacedFile,
}

impl NameServer {
    /// Starts a name server without any names.
    ///
    /// # Errors
    /// Returns an error if the port cannot be opened, or if the system's settings cannot be
    /// replaced.
    pub fn start(host: &Host) -> anyhow::Result<Self> {
        let socket = host.enter(|| UdpSocket::bind((host.address(), PORT)))??;
        let answers = Answers::default();
        let answers_by_name = Arc::clone(&answers);
        thread::spawn(move || -> io::Result<()> {
            let mut message = [0; 512];
            loop {
                let (len, client) = socket.recv_from(&mut message)?;
                let reply = {
                    let answers_by_name = answers_by_name
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner);
                    reply(&message[..len], &answers_by_name)
                };
                if let Some(reply) = reply {
                    socket.send_to(&reply, client)?;
                }
            }
        });
        let settings = format!("nameserver {}\n", host.address());
        Ok(Self {
            answers,
            _settings: ReplacedFile::new(SETTINGS, &settings)?,
        })
    }

    /// Sets the answer for a name.
    pub fn set(&self, name: &str, answer: Answer) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.insert(name.to_owned(), answer);
    }
}

/// Returns the reply to a message with one question, or `None` for any other message.
fn reply(message: &[u8], answers_by_name: &BTreeMap<String, Answer>) -> Option<Vec<u8>> {
    let (mut labels, mut at) = (Vec::new(), HEADER);
    while let label_len @ 1.. = usize::from(*message.get(at)?) {
        labels.push(str::from_utf8(message.get(at + 1..=at + label_len)?).ok()?);
        at += 1 + label_len;
    }
    let answer = answers_by_name.get(&labels.join(".")).copied();
    let kind = at + 1;
    let is_address_query = message.get(kind..kind + 2)? == TYPE_A;
    let mut reply = message.get(..kind + 4)?.to_vec();
    // A response with recursion, one question and no other records.
    reply[2..4].copy_from_slice(&[0x81, 0x80]);
    reply[6..HEADER].fill(0);
    match answer.unwrap_or(Answer::Unknown) {
        Answer::Never => return None,
        Answer::Unknown => reply[3] |= NO_SUCH_NAME,
        Answer::Address(IpAddr::V4(address)) if is_address_query => {
            reply[7] = 1;
            // The name of the question, type A, class IN, a time to live of one second.
            reply.extend([0xc0, HEADER as u8, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
            reply.extend(address.octets());
        }
        // The server has only IPv4 addresses.
        Answer::Address(_) => {}
    }
    Some(reply)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const QUESTION: &[u8] = b"\x12\x34\x01\x20\0\x01\0\0\0\0\0\0\x04play\x04test\0\0\x01\0\x01";

    #[test]
    fn reply_depends_on_the_answer_for_the_name() {
        let address = Ipv4Addr::new(10, 78, 0, 3);
        let mut answers_by_name = BTreeMap::new();
        let unknown = reply(QUESTION, &answers_by_name).unwrap();
        assert_eq!((unknown[3] & 15, unknown[7]), (NO_SUCH_NAME, 0));
        answers_by_name.insert("play.test".to_owned(), Answer::Address(address.into()));
        let found = reply(QUESTION, &answers_by_name).unwrap();
        assert_eq!((found[3] & 15, found[7]), (0, 1));
        assert!(found.ends_with(&address.octets()));
        answers_by_name.insert("play.test".to_owned(), Answer::Never);
        assert_eq!(reply(QUESTION, &answers_by_name), None);
    }

    #[test]
    fn truncated_question_gets_no_reply() {
        for len in 0..QUESTION.len() {
            assert_eq!(reply(&QUESTION[..len], &BTreeMap::new()), None, "{len}");
        }
    }
}
