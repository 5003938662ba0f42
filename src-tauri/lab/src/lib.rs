//! What would have been: worlds of accounts and work run through a policy (`sluice simulate`), recorded
//! decisions taken again (`sluice replay`), and recorded weeks under another policy. Apart from the core,
//! because nothing here touches a real account.

pub mod compare;
pub mod replay;
pub mod simulate;
