//! The contract suite on SQLite: a real file in a temporary folder.

allynet_tests::contract!(allynet_tests::database::OnSqlite);
