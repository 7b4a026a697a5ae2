//! What is worth knowing of an exchange although no rule fired: above all where a request or an answer is not, byte for byte, what
//! the other side sent.
//!
//! Invariant: the rig changes nothing by itself but what one of these names, and each exchange names all that happened to it.
//! Deliberately absent: what rules and edits of playlists do; they have columns of their own.

use crate::closed_set::closed_set;

closed_set! {
    /// Something about an exchange that no rule brought about.
    pub enum Remark {
        /// The parameters or the header by which the player names itself to the rig were not sent to the origin.
        IdentityRemoved = "identity_removed",
        /// The condition of the request was not sent to the origin, because the rig had to read the playlist.
        ConditionRemoved = "condition_removed",
        /// The origin answered 200 and the player got its 304, because the validators match.
        NotModifiedByRig = "not_modified_by_rig",
        /// URLs in a playlist were made to lead to ports of the session.
        UrlsRewritten = "urls_rewritten",
        /// The `Location` of a redirect was made to lead to a port of the session.
        LocationRewritten = "location_rewritten",
        /// A playlist that was changed went out without its content coding.
        CodingRemoved = "coding_removed",
        /// A body that looks like a playlist was not read; `playlist_unread` says why.
        PlaylistUnread = "playlist_unread",
        /// The playlist, or the redirect, leads to an origin that the rig may not reach.
        OriginLeft = "origin_left",
        /// A cookie lost its `Domain`, which the rig's address does not belong to.
        CookieDomainRemoved = "cookie_domain_removed",
        /// A cookie lost its `Secure`, because the player came over clear text.
        CookieSecureRemoved = "cookie_secure_removed",
        /// A browser does not keep a cookie of this answer over clear text: `SameSite=None`, `Partitioned`, `__Host-` or
        /// `__Secure-`.
        CookieNotKept = "cookie_not_kept",
        /// A cookie that another origin or another player's session had set was not sent to the origin.
        CookieWithheld = "cookie_withheld",
        /// The origin was told the real origin of the page that asks, where the browser knew only the rig's address.
        OriginRestored = "origin_restored",
        /// What the origin allows to pages was said for the origin that the browser named.
        CorsRewritten = "cors_rewritten",
        /// The origin does not let the page read this answer.
        CorsRefused = "cors_refused",
        /// A preflight that the page would not have sent to the origin itself was answered by the rig.
        PreflightAnswered = "preflight_answered",
        /// A rule had decided this request before a redirect led here, and it was not counted again.
        CountedBefore = "counted_before",
        /// The play it names was left less than a minute ago; the current one goes on.
        PlayBeside = "play_beside",
        /// The origin's certificate was not verified, as `--origin-insecure` asks.
        CertificateNotVerified = "certificate_not_verified",
    }
}
