//! Which program numbers notifications on Linux: the owner of the notifications' bus name. When it ends, its
//! numbers end with it. Its successor counts from one again, for other programs, too.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use zbus::Connection;
use zbus::export::ordered_stream::OrderedStreamExt as _;
use zbus::fdo::DBusProxy;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// The unique bus name of a notification server: no other program will ever have it.
pub type Issuer = Arc<str>;

#[derive(Clone)]
enum Known {
    /// Not asked yet.
    Unknown,
    /// Whoever owns the name now; nobody before the first notice where it is started on demand.
    Owner(Option<Issuer>, Connection),
    /// There is no session bus: no notice is shown, and no number given.
    NoBus,
}

/// Follows the owner of the notifications' name; cheap to clone.
#[derive(Clone)]
pub struct Issuers(watch::Receiver<Known>);

impl Issuers {
    /// Begins to follow. Needs a running runtime.
    #[must_use]
    pub fn follow() -> Self {
        let (told, known) = watch::channel(Known::Unknown);
        tokio::spawn(async move {
            if let Err(error) = followed(&told).await {
                tracing::warn!(%error, "nobody says who shows notices");
            }
            told.send_replace(Known::NoBus);
        });
        Self(known)
    }

    /// Who gives numbers now, asked for at most `span`.
    pub async fn now(&self, span: Duration) -> Option<Issuer> {
        self.once(span, |known| !matches!(known, Known::Unknown)).await
    }

    /// Who gave the number that has just come; waits for the news of a server that the notice
    /// started. `None` when the server changed meanwhile: nobody can say whose the number is.
    pub async fn of_answer(&self, before: Option<&Issuer>, span: Duration) -> Option<Issuer> {
        let owned = |known: &Known| matches!(known, Known::Owner(Some(_), _) | Known::NoBus);
        let after = self.once(span, owned).await?;
        before.is_none_or(|before| *before == after).then_some(after)
    }

    /// Resolves when `issuer` gives no numbers any more.
    pub async fn gone(&self, issuer: &Issuer) {
        let mut known = self.0.clone();
        let other =
            |known: &Known| !matches!(known, Known::Owner(Some(owner), _) if owner == issuer);
        // An error is the end of the news, and with it of all that was known.
        let _ended = known.wait_for(other).await.is_err();
    }

    /// Takes a notice back from the server that gave its number, and from no other.
    ///
    /// # Errors
    /// When that server is gone (its notices are, too), or does not answer.
    pub async fn withdraw(&self, issuer: &Issuer, number: u32) -> Result<(), String> {
        let Known::Owner(_, bus) = self.0.borrow().clone() else {
            return Err("no session bus".to_owned());
        };
        let asked =
            bus.call_method(Some(&**issuer), PATH, Some(NAME), "CloseNotification", &number);
        asked.await.map(drop).map_err(|error| error.to_string())
    }

    async fn once(&self, span: Duration, fits: impl Fn(&Known) -> bool) -> Option<Issuer> {
        let mut known = self.0.clone();
        let settled = tokio::time::timeout(span, known.wait_for(fits)).await;
        match settled.ok()?.ok().as_deref()? {
            Known::Owner(owner, _) => owner.clone(),
            Known::Unknown | Known::NoBus => None,
        }
    }
}

/// Tells each owner until the bus ends.
async fn followed(told: &watch::Sender<Known>) -> zbus::Result<()> {
    let bus = Connection::session().await?;
    let names = DBusProxy::new(&bus).await?;
    // First the news, then the question: an owner that changes in between is not missed.
    let mut changes = names.receive_name_owner_changed_with_args(&[(0, NAME)]).await?;
    let owner = names.get_name_owner(NAME.try_into()?).await;
    let owner = owner.ok().map(|owner| Issuer::from(owner.as_str()));
    told.send_replace(Known::Owner(owner, bus.clone()));
    while let Some(change) = changes.next().await {
        let owner = change.args()?.new_owner.as_ref().map(|owner| Issuer::from(owner.as_str()));
        tracing::info!(
            ?owner,
            "notices have another server; the numbers of the former are forgotten"
        );
        told.send_replace(Known::Owner(owner, bus.clone()));
    }
    Ok(())
}
