use std::fmt;

/// A token with which the game's own server admits a player to a room. Its debug output hides it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Token(String);

impl Token {
    /// Wraps a token. Returns `None` if the text is empty.
    pub(crate) fn new(text: impl Into<String>) -> Option<Self> {
        Some(text.into()).filter(|text| !text.is_empty()).map(Self)
    }

    /// Returns the token, which must not be logged.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }

    /// Removes the token from a text, in plain form and as a URL contains it.
    pub(crate) fn hide_in(&self, text: &str) -> String {
        let encoded: String = url::form_urlencoded::byte_serialize(self.0.as_bytes()).collect();
        text.replace(&self.0, HIDDEN).replace(&encoded, HIDDEN)
    }
}

/// The text that replaces a secret.
pub(crate) const HIDDEN: &str = "…";

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Token").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_is_removed_from_texts_in_each_form() {
        let token = Token::new("a b+c").unwrap();
        let text = "ws://host/room?token=a+b%2Bc was refused: a b+c is unknown";
        let hidden = "ws://host/room?token=… was refused: … is unknown";
        assert_eq!(token.hide_in(text), hidden);
        assert!(!format!("{token:?}").contains("a b"));
        assert_eq!(Token::new(""), None);
    }
}
