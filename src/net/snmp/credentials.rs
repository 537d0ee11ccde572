//! Reads the secrets of SNMP credentials, for one session.

use crate::model::{Credentials, SNMP_PASSWORD_MIN_BYTES, Secret, SecretSource};
use crate::secret;
use crate::wire::snmp::{Access, User};

/// The credentials with their secrets, as they are now.
///
/// # Errors
/// Which secret cannot be read or used, and why.
pub fn access(credentials: &Credentials) -> Result<Access, String> {
    match credentials {
        Credentials::Community { v1, community } => Ok(Access::Community {
            v1: *v1,
            community: read(community)?,
        }),
        Credentials::User {
            user,
            context,
            auth,
            privacy,
        } => {
            let auth = match auth {
                Some((protocol, source)) => Some((*protocol, password(source, "authentication")?)),
                None => None,
            };
            let privacy = match privacy {
                Some((protocol, source)) => Some((*protocol, password(source, "privacy")?)),
                None => None,
            };
            Ok(Access::User(User {
                name: user.clone().into_bytes(),
                context: context.clone().into_bytes(),
                auth,
                privacy,
            }))
        }
    }
}

fn read(source: &SecretSource) -> Result<Secret, String> {
    secret::read(source).map_err(|error| error.to_string())
}

fn password(source: &SecretSource, what: &str) -> Result<Secret, String> {
    let secret = read(source)?;
    if secret.expose().len() < SNMP_PASSWORD_MIN_BYTES {
        return Err(format!(
            "the {what} password has fewer than {SNMP_PASSWORD_MIN_BYTES} bytes"
        ));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::AuthProtocol;

    #[test]
    fn a_password_that_is_too_short_is_refused() {
        let user = |password: &str| Credentials::User {
            user: "u".into(),
            context: String::new(),
            auth: Some((AuthProtocol::Sha1, SecretSource::Inline(password.into()))),
            privacy: None,
        };
        assert!(
            access(&user("")).is_err(),
            "snmp2 would repeat an empty password without end"
        );
        assert!(access(&user("1234567")).is_err());
        assert!(access(&user("12345678")).is_ok());
    }
}
