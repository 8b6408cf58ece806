//! Syntax of one source file: declarations, definitions, imports and paths, per module in it.

use std::collections::{BTreeMap, BTreeSet};

use super::tokens::{Token, tokens};

/// The segments of a path.
pub(super) type Path = Vec<String>;

/// Keywords that are followed by the name of what they define.
const DEFINING: [&str; 10] = ["struct", "enum", "union", "trait", "type", "const", "static", "fn", "mod", "macro"];

/// A name that a `use` declaration brings into a module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Import {
    /// The path as written.
    pub(super) path: Path,
    /// The name in the importing module; `None` for `*`.
    pub(super) name: Option<String>,
    /// Whether the declaration is a `pub use`, of whatever visibility.
    pub(super) public: bool,
}

/// A module, whether it is a file or an inline block.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// The file that holds it.
    pub(super) file: usize,
    /// Names defined by its items.
    pub(super) defined: BTreeSet<String>,
    /// Words within its macro invocations: what those define cannot be known here.
    pub(super) generated: BTreeSet<String>,
    /// Its `use` declarations, also those within functions.
    pub(super) imports: Vec<Import>,
    /// Paths of two segments or more outside of `use` declarations.
    pub(super) paths: Vec<Path>,
    /// Modules declared for tests only: `#[cfg(test)] mod name;`.
    pub(super) tests: BTreeSet<String>,
}

/// Reads a file. The keys are the paths of its modules, relative to the file: the empty one is the file itself.
pub(super) fn read(source: &str) -> BTreeMap<Path, Module> {
    let tokens = tokens(source);
    let mut reader = Reader { tokens: &tokens, at: 0, scopes: Vec::new(), modules: BTreeMap::new() };
    reader.modules.insert(Path::new(), Module::default());
    while reader.at < tokens.len() {
        reader.step();
    }
    reader.modules
}

struct Reader<'a> {
    tokens: &'a [Token],
    at: usize,
    /// An entry per open bracket: the name of an inline module, or `None` for any other.
    scopes: Vec<Option<String>>,
    modules: BTreeMap<Path, Module>,
}

impl Reader<'_> {
    fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead)
    }

    fn word(&self, ahead: usize) -> Option<&str> {
        match self.token(ahead)? {
            Token::Word(word) => Some(word),
            _ => None,
        }
    }

    fn module(&mut self) -> &mut Module {
        let path = self.scopes.iter().flatten().cloned().collect();
        self.modules.entry(path).or_default()
    }

    /// Whether the next token is an item of a module, not of a function, a type or an expression.
    fn at_item_level(&self) -> bool {
        self.scopes.iter().all(Option::is_some)
    }

    fn step(&mut self) {
        match &self.tokens[self.at] {
            Token::Punctuation('#') => self.attribute(),
            Token::Punctuation('{' | '(' | '[') => {
                self.scopes.push(None);
                self.at += 1;
            }
            Token::Punctuation('}' | ')' | ']') => {
                self.scopes.pop();
                self.at += 1;
            }
            Token::Word(word) if word == "use" => self.use_declaration(),
            Token::Word(_) => self.words(),
            _ => self.at += 1,
        }
    }

    /// Skips an attribute, and the item behind it if that is for tests only.
    fn attribute(&mut self) {
        let start = self.at;
        self.at += 1;
        if self.token(0).is_some_and(|token| token.is('!')) {
            self.at += 1;
        }
        self.skip_group();
        let is_test = |window: &[Token]| window[0].is_word("cfg") && window[1].is('(') && window[2].is_word("test");
        if self.tokens[start..self.at].windows(3).any(is_test) {
            self.skip_item();
        }
    }

    /// Skips what is between the bracket here and the one that closes it.
    fn skip_group(&mut self) {
        let mut depth = 0;
        while let Some(token) = self.token(0) {
            match token {
                Token::Punctuation('{' | '(' | '[') => depth += 1,
                Token::Punctuation('}' | ')' | ']') => depth -= 1,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                break;
            }
        }
    }

    fn skip_item(&mut self) {
        while let Some(token) = self.token(0) {
            match token {
                Token::Punctuation('#') => {
                    self.at += 1;
                    self.skip_group();
                }
                Token::Punctuation('(' | '[') => self.skip_group(),
                Token::Punctuation('{') => return self.skip_group(),
                Token::Punctuation(';') => {
                    self.at += 1;
                    return;
                }
                Token::Word(word) if word == "mod" => {
                    let name = self.word(1).map(ToOwned::to_owned);
                    self.module().tests.extend(name);
                    self.at += 2;
                }
                _ => self.at += 1,
            }
        }
    }

    /// A definition, a macro invocation, a path, or a word that is none of these.
    fn words(&mut self) {
        let Some(word) = self.word(0).map(ToOwned::to_owned) else { return };
        let name = self.word(1).map(ToOwned::to_owned);
        if let Some(name) = name.filter(|_| self.at_item_level() && DEFINING.contains(&word.as_str())) {
            let opens = self.token(2).is_some_and(|token| token.is('{'));
            if word == "mod" && opens {
                self.scopes.push(Some(name));
                self.module();
                self.at += 3;
            } else {
                // `const fn name`: the next word defines.
                self.at += if DEFINING.contains(&name.as_str()) { 1 } else { 2 };
                self.module().defined.insert(name);
            }
            return;
        }
        if self.at_item_level() && self.token(1).is_some_and(|token| token.is('!')) {
            return self.macro_invocation(&word);
        }
        self.path(word);
    }

    /// `macro_rules! name { … }` defines; whatever another macro defines is among its words.
    fn macro_invocation(&mut self, word: &str) {
        self.at += 2;
        if let Some(name) = self.word(0).map(ToOwned::to_owned) {
            if word == "macro_rules" {
                self.module().defined.insert(name);
            }
            self.at += 1;
        }
        let start = self.at;
        self.skip_group();
        let end = std::mem::replace(&mut self.at, start);
        let generated = self.tokens[start..end].iter().filter_map(|token| match token {
            Token::Word(word) => Some(word.clone()),
            _ => None,
        });
        let generated: Vec<String> = generated.collect();
        self.module().generated.extend(generated);
    }

    fn path(&mut self, first: String) {
        let continues = self.at > 0 && self.tokens[self.at - 1] == Token::PathSeparator;
        let mut path = vec![first];
        self.at += 1;
        while self.token(0) == Some(&Token::PathSeparator) {
            let Some(segment) = self.word(1).map(ToOwned::to_owned) else { break };
            path.push(segment);
            self.at += 2;
        }
        if path.len() > 1 && !continues {
            self.module().paths.push(path);
        }
    }

    fn use_declaration(&mut self) {
        let public = match self.at.checked_sub(1).map(|before| &self.tokens[before]) {
            Some(Token::Word(word)) => word == "pub",
            // `pub(crate) use`, `pub(in path) use`
            Some(Token::Punctuation(')')) => true,
            _ => false,
        };
        self.at += 1;
        self.use_tree(&Path::new(), public);
    }

    fn use_tree(&mut self, prefix: &Path, public: bool) {
        let mut path = prefix.clone();
        loop {
            match self.token(0) {
                Some(Token::Word(word)) if word == "as" => {
                    let name = self.word(1).map(ToOwned::to_owned);
                    self.at += 2;
                    return self.import(path, name, public);
                }
                Some(Token::Word(word)) => path.push(word.clone()),
                Some(Token::PathSeparator) => {}
                Some(Token::Punctuation('*')) => {
                    self.at += 1;
                    return self.import(path, None, public);
                }
                Some(Token::Punctuation('{')) => {
                    self.at += 1;
                    while self.token(0).is_some_and(|token| !token.is('}')) {
                        self.use_tree(&path, public);
                        if self.token(0).is_some_and(|token| token.is(',')) {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                _ => {
                    // `use a::{self}` imports `a`.
                    if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
                        path.pop();
                    }
                    let name = path.last().cloned();
                    return self.import(path, name, public);
                }
            }
            self.at += 1;
        }
    }

    fn import(&mut self, path: Path, name: Option<String>, public: bool) {
        self.module().imports.push(Import { path, name, public });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        text.split("::").map(ToOwned::to_owned).collect()
    }

    #[test]
    fn trees_of_imports_are_taken_apart() {
        let modules = read("pub(crate) use crate::{a::{self, B as C}, d::*, e};");
        let found: Vec<_> = modules[&Path::new()].imports.iter().map(|i| (i.path.clone(), i.name.as_deref())).collect();
        let expected =
            [("crate::a", Some("a")), ("crate::a::B", Some("C")), ("crate::d", None), ("crate::e", Some("e"))];
        assert_eq!(found, expected.map(|(text, name)| (path(text), name)));
        assert!(modules[&Path::new()].imports.iter().all(|import| import.public));
    }

    #[test]
    fn code_for_tests_is_skipped() {
        let source = "#[cfg(test)] mod a; #[cfg(test)] #[path = \"x\"] mod b { use crate::x; } \
            #[cfg(test)] fn c(x: u8) { crate::y(); } fn d() { crate::z(); }";
        let module = &read(source)[&Path::new()];
        assert_eq!(module.tests, ["a", "b"].map(ToOwned::to_owned).into());
        assert_eq!((module.imports.len(), module.paths.as_slice()), (0, [path("crate::z")].as_slice()));
    }

    #[test]
    fn inline_modules_have_imports_of_their_own() {
        let modules = read("pub mod faults { use super::Problem; const fn all() {} } struct Problem { x: crate::Y }");
        assert_eq!(modules[&path("faults")].imports[0].path, path("super::Problem"));
        assert!(modules[&path("faults")].defined.contains("all"));
        assert!(modules[&Path::new()].defined.contains("Problem"));
        assert_eq!(modules[&Path::new()].paths, [path("crate::Y")]);
    }
}
