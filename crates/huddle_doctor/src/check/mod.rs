//! Measures. Everything is polled, so that the same code runs in a program and in a page.

mod link;
mod server;

use std::time::Duration;

use huddle_mesh::{
    IceServer, Route,
    diagnose::{Gathering, GatheringEvent},
};
use web_time::Instant;

use crate::findings::{Answer, Findings, LinkTest, SignalingTest};
use link::LinkCheck;
use server::ServerCheck;

/// The maximum number of servers. Each of them needs a connection of its own.
const MAX_SERVERS: usize = 16;
/// How long to wait for the addresses of the connection that uses all servers.
const TOGETHER_TIMEOUT: Duration = Duration::from_secs(6);

/// What to check.
#[derive(Debug, Clone, Default)]
pub struct CheckOptions {
    /// The signaling server, such as `ws://localhost:3536`.
    pub server: Option<String>,
    /// The STUN and TURN servers of the game. The first 16 addresses are checked.
    pub ice_servers: Vec<IceServer>,
}

/// A check that is running. It takes a fraction of a second if everything works, and up to half a
/// minute if nothing answers.
#[derive(Debug)]
pub struct Check {
    findings: Findings,
    steps: Vec<String>,
    servers: Vec<ServerCheck>,
    together: Option<(Gathering, Instant)>,
    link: Option<LinkCheck>,
    relayed_link: Option<LinkCheck>,
}

impl Check {
    /// Starts all tests at once.
    pub fn start(options: CheckOptions) -> Self {
        let urls = options.ice_servers.iter().flat_map(|server| {
            server.urls.iter().map(|url| IceServer {
                urls: vec![url.clone()],
                ..server.clone()
            })
        });
        let servers: Vec<_> = urls.take(MAX_SERVERS).map(ServerCheck::start).collect();
        let usable: Vec<IceServer> = servers
            .iter()
            .filter(|check| check.is_usable())
            .map(|check| check.server().clone())
            .collect();
        let mut check = Self {
            findings: Findings {
                platform: std::env::consts::OS.to_owned(),
                ..Findings::default()
            },
            steps: Vec::new(),
            servers,
            together: None,
            link: None,
            relayed_link: None,
        };
        match Gathering::start(&usable) {
            Ok(gathering) => check.together = Some((gathering, Instant::now())),
            Err(error) => check.findings.no_webrtc = Some(error.to_string()),
        }
        if let Some(server) = options.server {
            let can_relay = usable.iter().any(is_turn);
            check.link = Some(LinkCheck::start(&server, &usable, Route::Any));
            check.relayed_link =
                can_relay.then(|| LinkCheck::start(&server, &usable, Route::RelayOnly));
        }
        check
    }

    /// Sets the name of the platform, which is the operating system by default.
    #[must_use]
    pub fn on_platform(mut self, name: impl Into<String>) -> Self {
        self.findings.platform = name.into();
        self
    }

    /// Returns whether all tests have ended.
    pub fn is_done(&self) -> bool {
        self.together.is_none()
            && self.link.is_none()
            && self.relayed_link.is_none()
            && self.servers.is_empty()
    }

    /// Returns what was measured so far.
    pub fn findings(&self) -> &Findings {
        &self.findings
    }

    /// Continues the tests, and describes those that have ended since the last call. Call it about
    /// 50 times per second: the measured times are only as exact as that.
    pub fn poll(&mut self) -> Vec<String> {
        self.poll_servers();
        self.poll_together();
        self.poll_links();
        std::mem::take(&mut self.steps)
    }

    fn poll_servers(&mut self) {
        for check in &mut self.servers {
            check.poll();
        }
        // The report has the order of the options.
        while let Some(test) = self.servers.first().and_then(ServerCheck::result) {
            self.servers.remove(0);
            let outcome = match test.answer {
                Answer::Addresses { .. } | Answer::NothingNew => "works",
                Answer::Failed(_) | Answer::Unusable(_) => "does not work",
            };
            self.steps.push(format!("{} {outcome}", test.url));
            self.findings.servers.push(test);
        }
    }

    fn poll_together(&mut self) {
        let Some((gathering, since)) = &mut self.together else {
            return;
        };
        let mut is_done = since.elapsed() > TOGETHER_TIMEOUT;
        while let Some(event) = gathering.poll() {
            match event {
                GatheringEvent::Candidate { candidate, .. } => {
                    self.findings.candidates.push(candidate);
                }
                GatheringEvent::ServerFailed { .. } => {}
                GatheringEvent::Completed { .. } => is_done = true,
                GatheringEvent::Stopped(reason) => {
                    self.findings.no_webrtc = Some(reason);
                    is_done = true;
                }
            }
        }
        if is_done {
            self.together = None;
            let count = self.findings.candidates.len();
            self.steps.push(format!("found {count} addresses"));
        }
    }

    fn poll_links(&mut self) {
        if let Some(check) = &mut self.link {
            check.poll();
            if self.findings.signaling == SignalingTest::NotTested
                && let Some(signaling) = check.signaling()
            {
                self.steps.push(match &signaling {
                    SignalingTest::Failed { .. } => "the signaling server failed".to_owned(),
                    _ => "the signaling server is connected".to_owned(),
                });
                self.findings.signaling = signaling;
            }
            if let Some(result) = check.result() {
                self.steps.push(step("a link within this machine", &result));
                self.findings.link = result;
                self.link = None;
            }
        }
        if let Some(check) = &mut self.relayed_link {
            check.poll();
            if let Some(result) = check.result() {
                self.steps.push(step("a relayed link", &result));
                self.findings.relayed_link = result;
                self.relayed_link = None;
            }
        }
    }
}

fn step(name: &str, result: &LinkTest) -> String {
    let outcome = match result {
        LinkTest::NotTested => "was not tested",
        LinkTest::Open { .. } => "opened",
        LinkTest::Failed(_) => "failed",
    };
    format!("{name} {outcome}")
}

fn is_turn(server: &IceServer) -> bool {
    server.urls.iter().any(|url| url.starts_with("turn"))
}
