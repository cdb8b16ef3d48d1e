//! The TURN servers that the signaling server offers. It may be hostile.

use serde::Deserialize;

use crate::config::IceServer;

const MAX_URLS: usize = 8;
const MAX_URL_LEN: usize = 256;
const MAX_LOGIN_LEN: usize = 512;

/// The message of the huddle server. It sends new credentials before the old ones expire.
#[derive(Debug, Deserialize)]
pub(super) struct WireIceServers {
    urls: Vec<String>,
    username: String,
    credential: String,
}

impl WireIceServers {
    /// Checks the lengths and characters. The platform checks whether it supports the URLs.
    ///
    /// # Errors
    /// Returns the reason, which contains no text of the server.
    pub(super) fn validate(self) -> Result<IceServer, &'static str> {
        let is_plain = |text: &String| text.chars().all(|c| c.is_ascii_graphic());
        if self.urls.is_empty() || self.urls.len() > MAX_URLS {
            return Err("the number of URLs is not from 1 to 8");
        }
        let is_url = |url: &String| is_plain(url) && url.len() <= MAX_URL_LEN;
        if !self.urls.iter().all(is_url) {
            return Err("a URL is too long or contains an invalid character");
        }
        let is_login = |text: &String| (1..=MAX_LOGIN_LEN).contains(&text.len()) && is_plain(text);
        if !is_login(&self.username) || !is_login(&self.credential) {
            return Err(
                "the user name or password is empty, too long or contains an invalid character",
            );
        }
        Ok(IceServer {
            urls: self.urls,
            username: Some(self.username),
            credential: Some(self.credential),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<IceServer, &'static str> {
        serde_json::from_str::<WireIceServers>(json)
            .unwrap()
            .validate()
    }

    #[test]
    fn message_is_parsed() {
        let json = r#"{"urls":["turn:host:3478","turns:host"],"username":"17:ada","credential":"c2Vj=","lifetime_s":3600}"#;
        let mut expected = IceServer::turn("turn:host:3478", "17:ada", "c2Vj=");
        expected.urls.push("turns:host".into());
        assert_eq!(parse(json), Ok(expected));
    }

    #[test]
    fn hostile_lists_are_rejected() {
        let message = |urls: &str, user: &str, password: &str| {
            format!(r#"{{"urls":[{urls}],"username":"{user}","credential":"{password}"}}"#)
        };
        let long = "x".repeat(MAX_LOGIN_LEN + 1);
        let many = [r#""turn:h""#; MAX_URLS + 1].join(",");
        for json in [
            message("", "u", "p"),
            message(&many, "u", "p"),
            message(&format!(r#""turn:{long}""#), "u", "p"),
            message(r#""turn:h\nlog line""#, "u", "p"),
            message(r#""turn:h""#, "", "p"),
            message(r#""turn:h""#, "u", ""),
            message(r#""turn:h""#, &long, "p"),
            message(r#""turn:h""#, "u", &long),
            message(r#""turn:h""#, "u\\u0000", "p"),
        ] {
            assert!(parse(&json).is_err(), "{json}");
        }
    }
}
