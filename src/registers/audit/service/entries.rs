//! Entries as they stand: leaf, commitments, and the parts that open them.

use std::collections::HashMap;

use super::{Calls, Tree, index_of};
use crate::access::Caller;
use crate::kernel::{Check, LogId, Pos};
use crate::ledger::disclosure::Disclosure;
use crate::ledger::leaf::{Leaf, PartType};
use crate::ledger::port::{PartAt, Rulebook};
use crate::ledger::reader::Stored;
use crate::proto::entry::Part;
use crate::proto::{
    Entry, GetEntryRequest, GetEntryResponse, ListEntriesRequest, ListEntriesResponse, Reveal,
};
use crate::registers::audit::rows;
use crate::registers::desk::{Place, Revealed};
use crate::registers::failure::Failure;
use crate::registers::wire;

/// Parts that somebody may see: personal ones only under a disclosure.
#[derive(Debug, Default)]
struct Shown {
    revealed: bool,
    opened: HashMap<PartAt, (Vec<u8>, Vec<u8>)>,
    erased: HashMap<PartAt, (u64, String)>,
}

impl Calls {
    /// One entry.
    pub async fn get_entry(
        &self,
        caller: &Caller,
        request: GetEntryRequest,
    ) -> Result<GetEntryResponse, Failure> {
        let asked = (request.centre.as_str(), request.origin.as_str(), request.reveal.as_ref());
        let (place, tree, reveal) = self.enter_tree(caller, Check::new(), asked).await?;
        let pos = tree.at(request.index).ok_or(Failure::NotFound("entry"))?;
        let stored = self.desk.ledger().reader().entries(place.log, &[pos]).await?;
        if stored.is_empty() {
            return Err(Failure::NotFound("entry"));
        }
        let scope = format!("entry/{}", request.index);
        let disclosure = self.disclose(caller, &place, &scope, reveal).await?;
        let entries = self.entries(&place, &tree, stored, disclosure.as_ref()).await?;
        Ok(GetEntryResponse {
            entry: entries.into_iter().next(),
            disclosure_index: disclosure.map(|disclosure| disclosure.index()),
        })
    }

    /// Entries from one on, in order.
    pub async fn list_entries(
        &self,
        caller: &Caller,
        request: ListEntriesRequest,
    ) -> Result<ListEntriesResponse, Failure> {
        let mut check = Check::new();
        let limit = wire::page_size(&mut check, "limit", request.limit);
        let asked = (request.centre.as_str(), request.origin.as_str(), request.reveal.as_ref());
        let (place, tree, reveal) = self.enter_tree(caller, check, asked).await?;
        let limit = u64::try_from(limit).unwrap_or_default();
        let end = request.start.saturating_add(limit).min(tree.size);
        let positions: Vec<Pos> = (request.start..end).filter_map(|index| tree.at(index)).collect();
        if positions.is_empty() {
            return Ok(ListEntriesResponse::default());
        }
        let scope = format!("entries/{}-{}", request.start, end - 1);
        let disclosure = self.disclose(caller, &place, &scope, reveal).await?;
        let stored = self.desk.ledger().reader().entries(place.log, &positions).await?;
        let entries = self.entries(&place, &tree, stored, disclosure.as_ref()).await?;
        Ok(ListEntriesResponse {
            entries,
            next_start: (end < tree.size).then_some(end),
            disclosure_index: disclosure.map(|disclosure| disclosure.index()),
        })
    }

    async fn enter_tree(
        &self,
        caller: &Caller,
        mut check: Check,
        (centre, origin, reveal): (&str, &str, Option<&Reveal>),
    ) -> Result<(Place, Tree, Option<Revealed>), Failure> {
        let reveal = Revealed::parse(&mut check, reveal);
        let place = self.enter_checked(caller, centre, check).await?;
        let tree = self.tree(&place, origin).await?;
        Ok((place, tree, reveal))
    }

    async fn disclose(
        &self,
        caller: &Caller,
        place: &Place,
        scope: &str,
        reveal: Option<Revealed>,
    ) -> Result<Option<Disclosure>, Failure> {
        match reveal {
            Some(reveal) => Ok(Some(self.desk.disclose(caller, place, scope, &reveal).await?)),
            None => Ok(None),
        }
    }

    async fn entries(
        &self,
        place: &Place,
        tree: &Tree,
        stored: Vec<Stored>,
        disclosure: Option<&Disclosure>,
    ) -> Result<Vec<Entry>, Failure> {
        let positions: Vec<Pos> = stored.iter().map(|entry| entry.pos).collect();
        let shown = self.shown(place.log, &positions, disclosure).await?;
        stored.into_iter().map(|entry| self.entry(tree, entry, &shown)).collect()
    }

    async fn shown(
        &self,
        log: LogId,
        positions: &[Pos],
        disclosure: Option<&Disclosure>,
    ) -> Result<Shown, Failure> {
        let mut shown = Shown { revealed: disclosure.is_some(), ..Shown::default() };
        if let Some(disclosure) = disclosure {
            let parts = rows::reveal(self.desk.store(), disclosure, log, positions).await?;
            shown.opened = parts.into_iter().map(|(at, salt, payload)| (at, (salt, payload))).collect();
        }
        let erased = rows::erased_by(self.desk.store(), log, positions).await?;
        if !erased.is_empty() {
            let epochs = self.desk.ledger().reader().epochs(log).await?;
            shown.erased = erased.into_iter().map(|(at, by)| (at, index_of(&epochs, by))).collect();
        }
        Ok(shown)
    }

    fn entry(&self, tree: &Tree, stored: Stored, shown: &Shown) -> Result<Entry, Failure> {
        let leaf = Leaf::decode(&stored.leaf).map_err(|_| Failure::Fault("LEAF"))?;
        let parts = (0_u32..).zip(&leaf.parts).map(|(part, committed)| {
            let at = PartAt { pos: stored.pos, part };
            let erased = shown.erased.get(&at);
            let facts = committed.part_type == PartType::Facts;
            let opened = if facts { stored.facts.as_ref() } else { shown.opened.get(&at) };
            let (salt, payload) = opened.cloned().unwrap_or_default();
            Part {
                part_type: committed.part_type.code().into(),
                schema: committed.schema.into(),
                commitment: committed.commitment.to_vec(),
                salt,
                payload,
                redacted: !facts && !shown.revealed && erased.is_none(),
                erased: erased.is_some(),
                erased_by: erased.map(|(index, _)| *index),
                erased_by_origin: erased.map(|(_, origin)| origin.clone()).unwrap_or_default(),
            }
        });
        let kind = self.desk.registers().kind_code(leaf.kind);
        Ok(Entry {
            index: leaf.index,
            kind: kind.map_or_else(|| format!("{:#06x}", leaf.kind), str::to_owned),
            recorded_at: Some(wire::timestamp(leaf.recorded)),
            parts: parts.collect(),
            leaf: stored.leaf,
            leaf_hash: stored.leaf_hash.0.to_vec(),
            origin: tree.epoch.origin.clone(),
        })
    }
}
