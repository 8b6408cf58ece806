//! Which source files of a crate import which, and the circles among them.
//!
//! A file imports another if it names something that is defined there: in a `use` declaration or in a path. A name that
//! a module re-exports counts as its defining file's. A module that declares or re-exports its children does not import
//! them by that. Code for tests does not count. What a macro defines is taken to be defined where its name occurs in
//! the invocation; methods and trait implementations are not seen.

mod modules;
mod tokens;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io, path,
};

use modules::{Module, Path};

/// The most re-exports that are followed: a chain of more is a name that re-exports itself.
const MAX_REEXPORTS: usize = 12;

/// The source files of a crate and what they import.
pub struct Crate {
    files: Vec<String>,
    modules: BTreeMap<Path, Module>,
}

/// The target of a path.
enum Target {
    Module(Path),
    /// Something that is defined in this module.
    Item(Path),
}

impl Target {
    fn module(&self) -> &Path {
        let (Self::Module(path) | Self::Item(path)) = self;
        path
    }
}

impl Crate {
    /// Reads the sources in `folder`, the `src` of a crate.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub fn read(folder: &path::Path) -> io::Result<Self> {
        let mut sources = BTreeMap::new();
        collect(folder, &Path::new(), &mut sources)?;
        // A program beside a library is a crate of its own.
        if sources.contains_key("lib.rs") {
            sources.remove("main.rs");
        }
        Ok(Self::new(sources))
    }

    /// A crate of these sources, by their paths below `src`.
    fn new(sources: BTreeMap<String, String>) -> Self {
        let mut krate = Self { files: Vec::new(), modules: BTreeMap::new() };
        for (file, source) in sources {
            for (inner, module) in modules::read(&source) {
                let path = [module_of(&file), inner].concat();
                krate.modules.insert(path, Module { file: krate.files.len(), ..module });
            }
            krate.files.push(file);
        }
        krate.remove_tests();
        krate
    }

    fn remove_tests(&mut self) {
        let declared = |(path, module): (&Path, &Module)| -> Vec<Path> {
            module.tests.iter().map(|name| [path.as_slice(), std::slice::from_ref(name)].concat()).collect()
        };
        let tests: Vec<Path> = self.modules.iter().flat_map(declared).collect();
        self.modules.retain(|path, _| !tests.iter().any(|test| path.starts_with(test)));
    }

    /// The pairs of files of which the first imports the second, by number.
    fn imports(&self) -> BTreeSet<(usize, usize)> {
        let mut found = BTreeSet::new();
        for (path, module) in &self.modules {
            for import in &module.imports {
                let Some(target) = self.resolve(path, &import.path, MAX_REEXPORTS) else { continue };
                let to_child = target.module().len() > path.len() && target.module().starts_with(path);
                if !(import.public && to_child) {
                    found.extend(self.file_of(&target).map(|file| (module.file, file)));
                }
            }
            let targets = module.paths.iter().filter_map(|written| self.resolve(path, written, MAX_REEXPORTS));
            found.extend(targets.filter_map(|target| Some((module.file, self.file_of(&target)?))));
        }
        found.retain(|(from, to)| from != to);
        found
    }

    fn file_of(&self, target: &Target) -> Option<usize> {
        self.modules.get(target.module()).map(|module| module.file)
    }

    /// The target of a path written in a module; `None` for one in another crate.
    fn resolve(&self, module: &Path, path: &[String], budget: usize) -> Option<Target> {
        let (first, mut rest) = path.split_first()?;
        let mut target = match first.as_str() {
            "crate" => Target::Module(Path::new()),
            "self" => Target::Module(module.clone()),
            "super" => {
                let mut parent = module.clone();
                parent.pop();
                while rest.first().is_some_and(|segment| segment == "super") {
                    parent.pop();
                    rest = &rest[1..];
                }
                Target::Module(parent)
            }
            name => self.find(module, name, budget)?,
        };
        for segment in rest {
            let Target::Module(within) = &target else { break };
            let next = self.find(within, segment, budget);
            target = next.unwrap_or_else(|| Target::Item(within.clone()));
        }
        Some(target)
    }

    /// The target of a name within a module.
    fn find(&self, within: &Path, name: &str, budget: usize) -> Option<Target> {
        let budget = budget.checked_sub(1)?;
        let module = self.modules.get(within)?;
        let child = [within.as_slice(), &[name.to_owned()]].concat();
        if self.modules.contains_key(&child) {
            return Some(Target::Module(child));
        }
        if module.defined.contains(name) {
            return Some(Target::Item(within.clone()));
        }
        if let Some(import) = module.imports.iter().find(|import| import.name.as_deref() == Some(name)) {
            return self.resolve(within, &import.path, budget);
        }
        let globs = module.imports.iter().filter(|import| import.name.is_none());
        let through_globs = globs.filter_map(|import| match self.resolve(within, &import.path, budget)? {
            Target::Module(source) if source != *within => self.find(&source, name, budget),
            _ => None,
        });
        let generated = || module.generated.contains(name).then(|| Target::Item(within.clone()));
        through_globs.into_iter().next().or_else(generated)
    }

    /// The circles: for each, the files that reach each other over imports, and the imports between those.
    pub fn circles(&self) -> Vec<Circle<'_>> {
        let imports = self.imports();
        let mut reaches = imports.clone();
        // Warshall: a path over `middle` exists if both halves do.
        for middle in 0..self.files.len() {
            let into: Vec<usize> = (0..self.files.len()).filter(|&from| reaches.contains(&(from, middle))).collect();
            let out: Vec<usize> = (0..self.files.len()).filter(|&to| reaches.contains(&(middle, to))).collect();
            reaches.extend(into.iter().flat_map(|&from| out.iter().map(move |&to| (from, to))));
        }
        let in_one = |a: usize, b: usize| reaches.contains(&(a, b)) && reaches.contains(&(b, a));
        let name = |file: usize| self.files[file].as_str();
        let circle = |first: usize| {
            let imports = imports.iter().filter(|&&(from, to)| in_one(first, from) && in_one(first, to));
            Circle {
                files: (0..self.files.len()).filter(|&file| in_one(first, file)).map(name).collect(),
                imports: imports.map(|&(from, to)| (name(from), name(to))).collect(),
            }
        };
        let firsts = (0..self.files.len()).filter(|&file| in_one(file, file) && !(0..file).any(|b| in_one(b, file)));
        firsts.map(circle).collect()
    }
}

/// Files that import each other, directly or over others of them.
#[derive(Debug, PartialEq, Eq)]
pub struct Circle<'a> {
    /// The files, as paths below `src`.
    pub files: Vec<&'a str>,
    /// Which imports which.
    pub imports: Vec<(&'a str, &'a str)>,
}

fn collect(folder: &path::Path, below: &Path, sources: &mut BTreeMap<String, String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = [below.as_slice(), std::slice::from_ref(&name)].concat();
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &path, sources)?;
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            sources.insert(path.join("/"), fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}

/// The module that a file is: `a/b.rs` and `a/b/mod.rs` are `a::b`.
fn module_of(file: &str) -> Path {
    let mut path: Path = file.trim_end_matches(".rs").split('/').map(ToOwned::to_owned).collect();
    let is_root = path.len() == 1 && matches!(path[0].as_str(), "lib" | "main");
    if is_root || path.last().is_some_and(|name| name == "mod") {
        path.pop();
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn circles(sources: &[(&str, &str)]) -> Vec<Vec<String>> {
        let sources = sources.iter().map(|&(file, source)| (file.to_owned(), source.to_owned())).collect();
        let krate = Crate::new(sources);
        krate.circles().iter().map(|circle| circle.files.iter().map(|&file| file.to_owned()).collect()).collect()
    }

    #[test]
    fn files_that_import_each_other_are_a_circle() {
        let expected = vec![vec!["a.rs".to_owned(), "b.rs".to_owned(), "c.rs".to_owned()]];
        let c = "fn c() -> crate::a::A { crate::a::A }";
        let lib = ("lib.rs", "mod a; mod b; mod c; mod d;");
        let d = ("d.rs", "use crate::a::A;");
        assert_eq!(
            circles(&[lib, ("a.rs", "use crate::b::B; pub struct A;"), ("b.rs", "use super::c;"), ("c.rs", c), d]),
            expected
        );
    }

    #[test]
    fn a_line_of_imports_is_no_circle() {
        let lib = ("lib.rs", "mod a; mod b; pub use a::A;");
        assert!(circles(&[lib, ("a.rs", "pub struct A;"), ("b.rs", "use crate::A; use crate::a;")]).is_empty());
    }

    #[test]
    fn a_reexport_belongs_to_the_file_that_defines_the_name() {
        let parent = ("a/mod.rs", "mod b; mod c; pub use b::*; pub use c::C;");
        let children = [("a/b.rs", "pub struct B;"), ("a/c.rs", "use super::B; pub struct C;")];
        let user = ("d.rs", "use crate::a::{self, C}; fn d() { a::B; }");
        assert!(circles(&[("lib.rs", "mod a; mod d;"), parent, children[0], children[1], user]).is_empty());
        let back = ("a/b.rs", "use crate::d::D; pub struct B;");
        let expected = vec![vec!["a/b.rs".to_owned(), "a/c.rs".to_owned(), "d.rs".to_owned()]];
        assert_eq!(circles(&[("lib.rs", "mod a; mod d;"), parent, back, children[1], user]), expected);
    }

    #[test]
    fn a_parent_with_code_of_its_own_imports_its_children() {
        let parent = ("a.rs", "mod b; use b::B; pub struct A;");
        assert_eq!(circles(&[("lib.rs", "mod a;"), parent, ("a/b.rs", "use super::A; pub struct B;")]).len(), 1);
        assert!(circles(&[("lib.rs", "mod a;"), parent, ("a/b.rs", "pub struct B;")]).is_empty());
    }

    #[test]
    fn code_for_tests_is_left_out() {
        let a = ("a.rs", "use crate::b::B; pub struct A; #[cfg(test)] mod tests { use crate::b; }");
        let b = ("b.rs", "pub struct B; #[cfg(test)] mod tests;");
        assert!(circles(&[("lib.rs", "mod a; mod b;"), a, b, ("b/tests.rs", "use crate::a::A;")]).is_empty());
    }
}
