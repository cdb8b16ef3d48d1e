/// How large a page is, in CSS pixels.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// Width of the window.
    pub width: u32,
    /// Height of the window.
    pub height: u32,
}

impl Page {
    /// As small as it can be, for pages that draw nothing.
    pub const SMALL: Self = Self {
        width: 320,
        height: 240,
    };
    /// To be looked at.
    pub const LARGE: Self = Self {
        width: 800,
        height: 600,
    };
    /// What Bevy opens if a game does not choose.
    pub const DEFAULT: Self = Self {
        width: 1280,
        height: 720,
    };
}
