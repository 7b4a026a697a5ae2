//! The engine's configuration files, written anew at every start from the values the product decides.
//!
//! Without a file of ours the engine would pick up whatever `config.xml` lies in the working directory or the account's home.
//! No fsync per insert: a killed process loses nothing that was acknowledged, and against a power cut the parts a merge replaced
//! stay for `old_parts_lifetime`, longer than the system keeps written pages in memory; the feed covers the newest rows.

use std::io;
use std::path::PathBuf;

use super::{Settings, quote_name};

#[derive(Debug)]
pub(super) struct Config {
    /// The engine's data.
    pub(super) store: PathBuf,
    pub(super) file: PathBuf,
}

/// What a query may take, as a share of the limit of the whole process.
const QUERY_SHARE_PERCENT: u64 = 60;
/// The role of who may only read; everything the product does itself needs the other one.
pub(super) const READER: &str = "reader";
const OPERATOR: &str = "operator";

pub(super) fn write(settings: &Settings) -> io::Result<Config> {
    let dir = &settings.data_dir;
    let config = Config { store: dir.join("store"), file: dir.join("config.xml") };
    let (users, backups) = (dir.join("users.xml"), dir.join("backups"));
    std::fs::create_dir_all(&config.store)?;
    std::fs::create_dir_all(&backups)?;
    std::fs::write(&users, users_xml(settings.memory_limit_bytes, &settings.database))?;
    let text = config_xml(&escape(&users)?, &escape(&backups)?, settings.memory_limit_bytes);
    std::fs::write(&config.file, text)?;
    Ok(config)
}

fn config_xml(users: &str, backups: &str, memory: u64) -> String {
    format!(
        "<clickhouse>
    <users_config>{users}</users_config>
    <backups><allowed_path>{backups}</allowed_path></backups>
    <max_server_memory_usage>{memory}</max_server_memory_usage>
    <mark_cache_size>268435456</mark_cache_size>
    <primary_index_cache_size>268435456</primary_index_cache_size>
    <max_thread_pool_size>256</max_thread_pool_size>
    <max_thread_pool_free_size>8</max_thread_pool_free_size>
    <background_pool_size>2</background_pool_size>
    <background_schedule_pool_size>4</background_schedule_pool_size>
    <access_control_improvements><table_engines_require_grant>true</table_engines_require_grant></access_control_improvements>
    <merge_tree>
        <old_parts_lifetime>480</old_parts_lifetime>
    </merge_tree>
</clickhouse>
"
    )
}

pub(super) fn query_memory(memory: u64) -> u64 {
    memory / 100 * QUERY_SHARE_PERCENT
}

/// The engine has one user, `default`; who may use it, and as what, is decided in front of it.
/// The grants keep every session away from the machine's files and from other machines.
/// A session has both roles until it gives one up.
fn users_xml(memory: u64, database: &str) -> String {
    let per_query = query_memory(memory);
    let reader = [
        format!("SELECT, SHOW ON {}.*", escape_text(&quote_name(database))),
        "SELECT, SHOW ON information_schema.*".to_owned(),
        "SELECT, SHOW ON INFORMATION_SCHEMA.*".to_owned(),
    ];
    let role = |name: &str, grants: String| {
        format!("        <{name}>\n            <grants>\n{grants}            </grants>\n        </{name}>\n")
    };
    let query = |grant: &str| format!("                <query>GRANT {grant}</query>\n");
    let operator = role(OPERATOR, GRANTS.iter().map(|grant| query(grant)).collect());
    let reader = role(READER, reader.iter().map(|grant| query(grant)).collect());
    format!(
        "<clickhouse>
    <profiles>
        <default>
            <max_memory_usage>{per_query}</max_memory_usage>
            <implicit_select>0</implicit_select>
        </default>
    </profiles>
    <roles>
{operator}{reader}    </roles>
    <users>
        <default>
            <password></password>
            <networks><ip>::1</ip><ip>127.0.0.1</ip></networks>
            <profile>default</profile>
            <quota>default</quota>
            <grants>
                <query>GRANT {OPERATOR}</query>
                <query>GRANT {READER}</query>
            </grants>
        </default>
    </users>
    <quotas><default></default></quotas>
</clickhouse>
"
    )
}

const GRANTS: &[&str] = &[
    "SHOW, SELECT, INSERT, ALTER, CREATE, DROP, TRUNCATE, OPTIMIZE, UNDROP TABLE, CHECK, BACKUP ON *.*",
    "KILL QUERY, dictGet ON *.*",
    "SYSTEM MERGES, SYSTEM TTL MERGES ON *.*",
    // By name: `*` would include the engines that read files and call other machines.
    "TABLE ENGINE ON MergeTree",
    "TABLE ENGINE ON ReplacingMergeTree",
    "TABLE ENGINE ON SummingMergeTree",
    "TABLE ENGINE ON AggregatingMergeTree",
    "TABLE ENGINE ON CollapsingMergeTree",
    "TABLE ENGINE ON VersionedCollapsingMergeTree",
    "TABLE ENGINE ON Memory",
    "TABLE ENGINE ON Buffer",
    "TABLE ENGINE ON Null",
    "TABLE ENGINE ON Join",
    "TABLE ENGINE ON Set",
    "TABLE ENGINE ON Dictionary",
];

/// A path inside XML. A path that is no text could not be written down at all.
fn escape(path: &std::path::Path) -> io::Result<String> {
    let text = path.to_str().ok_or_else(|| io::Error::other("the path is not UTF-8"))?;
    Ok(escape_text(text))
}

fn escape_text(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_cannot_break_the_file() {
        assert_eq!(escape(std::path::Path::new("/a<b>&c")).unwrap(), "/a&lt;b&gt;&amp;c");
    }

    #[test]
    fn nothing_grants_files_or_other_machines() {
        for source in ["FILE", "URL", "REMOTE", "S3", "SOURCES", "ALL", "READ"] {
            let granted = GRANTS.iter().any(|grant| grant.split([' ', ',']).any(|word| word == source));
            assert!(!granted, "{source} must not be granted");
        }
    }
}
