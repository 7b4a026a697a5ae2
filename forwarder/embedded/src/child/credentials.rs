//! The analyst's credentials on disk: how a person on this machine attaches a tool without being told a secret twice.
//!
//! The file is shell assignments, mode 0600, replaced in one rename. The password in it survives restarts of the product, so
//! that a saved data source keeps working when the port is fixed as well; the operator's is never written.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::Credentials;

pub(super) const FILE_NAME: &str = "credentials";
const USER: &str = "analyst";
const PASSWORD_KEY: &str = "ARCHIVE_PASSWORD=";

/// Writes the file for this address and returns the user it names.
pub(super) fn publish(path: &Path, url: &str) -> io::Result<Credentials> {
    let mut analyst = Credentials::random(USER);
    if let Some(password) = former_password(path) {
        analyst.password = password;
    }
    let text = format!(
        "# The archive of this Rebuffer, read-only. In a shell:\n\
         #   . ./{FILE_NAME}; curl -u \"$ARCHIVE_USER:$ARCHIVE_PASSWORD\" \"$ARCHIVE_URL\" -d 'SHOW TABLES'\n\
         ARCHIVE_URL={url}\nARCHIVE_USER={}\n{PASSWORD_KEY}{}\n",
        analyst.user, analyst.password,
    );
    let draft = path.with_extension("new");
    let _ = fs::remove_file(&draft);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&draft, path)?;
    Ok(analyst)
}

fn former_password(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let password = text.lines().find_map(|line| line.strip_prefix(PASSWORD_KEY))?;
    let sound = password.len() == 64 && password.bytes().all(|byte| byte.is_ascii_hexdigit());
    sound.then(|| password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_password_survives_and_the_file_is_private() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        let first = publish(&path, "http://127.0.0.1:1").unwrap();
        let second = publish(&path, "http://127.0.0.1:2").unwrap();
        assert_eq!(first, second);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains("ARCHIVE_URL=http://127.0.0.1:2\n") && !text.contains(":1\n"));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_damaged_file_gets_a_new_password() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE_NAME);
        fs::write(&path, "ARCHIVE_PASSWORD=\n").unwrap();
        assert_eq!(publish(&path, "http://127.0.0.1:1").unwrap().password.len(), 64);
    }
}
