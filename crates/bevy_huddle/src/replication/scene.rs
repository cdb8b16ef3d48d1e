//! Inserts several components at once.

use bevy::{
    ecs::template::{Template, TemplateContext},
    prelude::*,
};

/// A component that is ready to be inserted.
pub(crate) struct Ready<T>(pub(crate) T);

impl<T: Clone> Template for Ready<T> {
    type Output = T;

    fn build_template(&self, _: &mut TemplateContext) -> Result<T> {
        Ok(self.0.clone())
    }

    fn clone_template(&self) -> Self {
        Self(self.0.clone())
    }
}
