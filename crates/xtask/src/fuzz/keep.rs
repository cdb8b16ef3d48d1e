//! Chooses which inputs to keep in the repository.

use std::{fs, process::ExitCode};

use anyhow::Context;

use super::{
    build::Fuzzers,
    corpus::{Corpus, inputs},
    run::merge,
};
use crate::project::Project;

/// The largest total size of a target's kept inputs in bytes, without those that were named by hand.
const MAX_BYTES: u64 = 8 * 1024;
/// The largest number of such inputs.
const MAX_FILES: usize = 64;

/// Replaces the kept inputs. Inputs that were named by hand stay. Of the others, the smallest that cover more code are
/// kept, up to the limits.
pub(super) fn keep(
    project: &Project,
    fuzzers: &Fuzzers,
    targets: &[String],
) -> anyhow::Result<ExitCode> {
    for target in targets {
        let corpus = Corpus::open(project, target)?;
        let chosen = project.cache.fuzz().join("chosen").join(target);
        // The folder may not exist.
        let _ = fs::remove_dir_all(&chosen);
        fs::create_dir_all(&chosen)
            .with_context(|| format!("cannot create {}", chosen.display()))?;
        let mut named = 0;
        for input in inputs(&corpus.kept)?
            .iter()
            .filter(|input| !input.is_generated)
        {
            fs::copy(&input.path, chosen.join(&input.name))?;
            named += 1;
        }
        merge(fuzzers, target, &chosen, &[&corpus.kept, &corpus.found])?;
        for input in inputs(&corpus.kept)?
            .iter()
            .filter(|input| input.is_generated)
        {
            fs::remove_file(&input.path)?;
        }
        let (mut kept, mut total) = (0, 0);
        for input in inputs(&chosen)?.iter().filter(|input| input.is_generated) {
            if total + input.len > MAX_BYTES || kept == MAX_FILES {
                break;
            }
            fs::copy(&input.path, corpus.kept.join(&input.name))?;
            (kept, total) = (kept + 1, total + input.len);
        }
        println!("{target}: {named} named inputs and {kept} generated ones of {total} bytes");
    }
    Ok(ExitCode::SUCCESS)
}
