/// The size of a page in CSS pixels.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// The width of the window.
    pub width: u32,
    /// The height of the window.
    pub height: u32,
}

impl Page {
    /// The smallest possible size, for pages that draw nothing.
    pub const SMALL: Self = Self {
        width: 320,
        height: 240,
    };
    /// The size for screenshots.
    pub const LARGE: Self = Self {
        width: 800,
        height: 600,
    };
    /// A phone held upright.
    pub const PHONE: Self = Self {
        width: 390,
        height: 844,
    };
    /// Bevy's default window size.
    pub const DEFAULT: Self = Self {
        width: 1280,
        height: 720,
    };
}
