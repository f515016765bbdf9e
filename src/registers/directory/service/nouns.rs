//! The calls of each noun: the same four, with the noun's own fields.

use super::{Calls, assignment, binding};
use crate::access::Caller;
use crate::kernel::{CentreId, Check, DepartmentId, DeviceId, GrantId, ItemId, PersonId, WindowId};
use crate::proto::*;
use crate::registers::desk::Revealed;
use crate::registers::directory::fact::{Noun, Record};
use crate::registers::directory::parse;
use crate::registers::failure::Failure;

/// The record of a noun that was asked for; anything else cannot come out.
macro_rules! of {
    ($record:expr, $noun:ident) => {
        match $record {
            Record::$noun(record) => Ok(record),
            _ => Err(Failure::Fault("NOUN")),
        }
    };
}

/// The records of a page.
macro_rules! all_of {
    ($page:expr, $noun:ident) => {
        $page.into_iter().map(|held| of!(held.record, $noun)).collect::<Result<Vec<_>, Failure>>()
    };
}

impl Calls {
    /// `PutCentre`.
    pub async fn put_centre(
        &self,
        caller: &Caller,
        request: PutCentreRequest,
    ) -> Result<PutCentreResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let (receipt, record) =
            self.put(caller, head, |check| parse::centre(check, request.centre_record)).await?;
        Ok(PutCentreResponse { receipt: Some(receipt), centre_record: Some(of!(record, Centre)?) })
    }

    /// `GetCentre`.
    pub async fn get_centre(
        &self,
        caller: &Caller,
        request: GetCentreRequest,
    ) -> Result<GetCentreResponse, Failure> {
        let code = |check: &mut Check| {
            check.take("code", CentreId::parse(&request.code)).map(|code| code.to_string())
        };
        let (_, held) = self.get(caller, &request.centre, Noun::Centre, code).await?;
        Ok(GetCentreResponse { centre_record: Some(of!(held.record, Centre)?) })
    }

    /// `ListCentres`.
    pub async fn list_centres(
        &self,
        caller: &Caller,
        request: ListCentresRequest,
    ) -> Result<ListCentresResponse, Failure> {
        let page = (request.page_size, request.page_token.as_str());
        let (_, (page, next_page_token), _) =
            self.list(caller, &request.centre, Noun::Centre, page, None).await?;
        Ok(ListCentresResponse { centres: all_of!(page, Centre)?, next_page_token })
    }

    /// `RetireCentre`.
    pub async fn retire_centre(
        &self,
        caller: &Caller,
        request: RetireCentreRequest,
    ) -> Result<RetireCentreResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let code = |check: &mut Check| {
            check.take("code", CentreId::parse(&request.code)).map(|code| code.to_string())
        };
        let receipt = self.retire(caller, head, &request.reason, Noun::Centre, code).await?;
        Ok(RetireCentreResponse { receipt: Some(receipt) })
    }

    /// `PutDepartment`.
    pub async fn put_department(
        &self,
        caller: &Caller,
        request: PutDepartmentRequest,
    ) -> Result<PutDepartmentResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let (receipt, record) =
            self.put(caller, head, |check| parse::department(check, request.department)).await?;
        Ok(PutDepartmentResponse { receipt: Some(receipt), department: Some(of!(record, Department)?) })
    }

    /// `GetDepartment`.
    pub async fn get_department(
        &self,
        caller: &Caller,
        request: GetDepartmentRequest,
    ) -> Result<GetDepartmentResponse, Failure> {
        let code = |check: &mut Check| {
            check.take("department", DepartmentId::parse(&request.department)).map(|code| code.to_string())
        };
        let (_, held) = self.get(caller, &request.centre, Noun::Department, code).await?;
        Ok(GetDepartmentResponse { department: Some(of!(held.record, Department)?) })
    }

    /// `ListDepartments`.
    pub async fn list_departments(
        &self,
        caller: &Caller,
        request: ListDepartmentsRequest,
    ) -> Result<ListDepartmentsResponse, Failure> {
        let page = (request.page_size, request.page_token.as_str());
        let (_, (page, next_page_token), _) =
            self.list(caller, &request.centre, Noun::Department, page, None).await?;
        Ok(ListDepartmentsResponse { departments: all_of!(page, Department)?, next_page_token })
    }

    /// `RetireDepartment`.
    pub async fn retire_department(
        &self,
        caller: &Caller,
        request: RetireDepartmentRequest,
    ) -> Result<RetireDepartmentResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let code = |check: &mut Check| {
            check.take("department", DepartmentId::parse(&request.department)).map(|code| code.to_string())
        };
        let receipt = self.retire(caller, head, &request.reason, Noun::Department, code).await?;
        Ok(RetireDepartmentResponse { receipt: Some(receipt) })
    }

    /// `PutPerson`.
    pub async fn put_person(
        &self,
        caller: &Caller,
        request: PutPersonRequest,
    ) -> Result<PutPersonResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let (receipt, record) =
            self.put(caller, head, |check| parse::person(check, "person", request.person)).await?;
        Ok(PutPersonResponse { receipt: Some(receipt), person: Some(of!(record, Person)?) })
    }

    /// `RetirePerson`.
    pub async fn retire_person(
        &self,
        caller: &Caller,
        request: RetirePersonRequest,
    ) -> Result<RetirePersonResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let code = |check: &mut Check| {
            check.take("person_id", PersonId::parse(&request.person_id)).map(|code| code.to_string())
        };
        let receipt = self.retire(caller, head, &request.reason, Noun::Person, code).await?;
        Ok(RetirePersonResponse { receipt: Some(receipt) })
    }

    /// `GetPerson`.
    pub async fn get_person(
        &self,
        caller: &Caller,
        request: GetPersonRequest,
    ) -> Result<GetPersonResponse, Failure> {
        let mut reveal = None;
        let code = |check: &mut Check| {
            reveal = Revealed::parse(check, request.reveal.as_ref());
            check.take("person_id", PersonId::parse(&request.person_id)).map(|code| code.to_string())
        };
        let (place, held) = self.get(caller, &request.centre, Noun::Person, code).await?;
        let (people, disclosure_index) = self.people(caller, &place, vec![held], reveal).await?;
        Ok(GetPersonResponse { person: people.into_iter().next(), disclosure_index })
    }

    /// `ListPeople`.
    pub async fn list_people(
        &self,
        caller: &Caller,
        request: ListPeopleRequest,
    ) -> Result<ListPeopleResponse, Failure> {
        let page = (request.page_size, request.page_token.as_str());
        let (place, (page, next_page_token), reveal) =
            self.list(caller, &request.centre, Noun::Person, page, request.reveal.as_ref()).await?;
        let (people, disclosure_index) = self.people(caller, &place, page, reveal).await?;
        Ok(ListPeopleResponse { people, next_page_token, disclosure_index })
    }

    /// `PutAssignment`.
    pub async fn put_assignment(
        &self,
        caller: &Caller,
        request: PutAssignmentRequest,
    ) -> Result<PutAssignmentResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let (receipt, record) = self
            .put(caller, head, |check| parse::assignment(check, &request.centre, request.assignment))
            .await?;
        Ok(PutAssignmentResponse { receipt: Some(receipt), assignment: Some(of!(record, Assignment)?) })
    }

    /// `GetAssignment`.
    pub async fn get_assignment(
        &self,
        caller: &Caller,
        request: GetAssignmentRequest,
    ) -> Result<GetAssignmentResponse, Failure> {
        let code = |check: &mut Check| assignment(check, &request.person_id, request.from.as_ref());
        let (_, held) = self.get(caller, &request.centre, Noun::Assignment, code).await?;
        Ok(GetAssignmentResponse { assignment: Some(of!(held.record, Assignment)?) })
    }

    /// `ListAssignments`.
    pub async fn list_assignments(
        &self,
        caller: &Caller,
        request: ListAssignmentsRequest,
    ) -> Result<ListAssignmentsResponse, Failure> {
        let page = (request.page_size, request.page_token.as_str());
        let (_, (page, next_page_token), _) =
            self.list(caller, &request.centre, Noun::Assignment, page, None).await?;
        Ok(ListAssignmentsResponse { assignments: all_of!(page, Assignment)?, next_page_token })
    }

    /// `RetireAssignment`.
    pub async fn retire_assignment(
        &self,
        caller: &Caller,
        request: RetireAssignmentRequest,
    ) -> Result<RetireAssignmentResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let code = |check: &mut Check| assignment(check, &request.person_id, request.from.as_ref());
        let receipt = self.retire(caller, head, &request.reason, Noun::Assignment, code).await?;
        Ok(RetireAssignmentResponse { receipt: Some(receipt) })
    }

    /// `PutWindow`.
    pub async fn put_window(
        &self,
        caller: &Caller,
        request: PutWindowRequest,
    ) -> Result<PutWindowResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let (receipt, record) = self.put(caller, head, |check| parse::window(check, request.window)).await?;
        Ok(PutWindowResponse { receipt: Some(receipt), window: Some(of!(record, Window)?) })
    }

    /// `GetWindow`.
    pub async fn get_window(
        &self,
        caller: &Caller,
        request: GetWindowRequest,
    ) -> Result<GetWindowResponse, Failure> {
        let code = |check: &mut Check| {
            check.take("window", WindowId::parse(&request.window)).map(|code| code.to_string())
        };
        let (_, held) = self.get(caller, &request.centre, Noun::Window, code).await?;
        Ok(GetWindowResponse { window: Some(of!(held.record, Window)?) })
    }

    /// `ListWindows`.
    pub async fn list_windows(
        &self,
        caller: &Caller,
        request: ListWindowsRequest,
    ) -> Result<ListWindowsResponse, Failure> {
        let page = (request.page_size, request.page_token.as_str());
        let (_, (page, next_page_token), _) =
            self.list(caller, &request.centre, Noun::Window, page, None).await?;
        Ok(ListWindowsResponse { windows: all_of!(page, Window)?, next_page_token })
    }

    /// `RetireWindow`.
    pub async fn retire_window(
        &self,
        caller: &Caller,
        request: RetireWindowRequest,
    ) -> Result<RetireWindowResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let code = |check: &mut Check| {
            check.take("window", WindowId::parse(&request.window)).map(|code| code.to_string())
        };
        let receipt = self.retire(caller, head, &request.reason, Noun::Window, code).await?;
        Ok(RetireWindowResponse { receipt: Some(receipt) })
    }

    /// `PutServiceItem`.
    pub async fn put_service_item(
        &self,
        caller: &Caller,
        request: PutServiceItemRequest,
    ) -> Result<PutServiceItemResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let (receipt, record) =
            self.put(caller, head, |check| parse::service_item(check, request.service_item)).await?;
        Ok(PutServiceItemResponse { receipt: Some(receipt), service_item: Some(of!(record, ServiceItem)?) })
    }

    /// `GetServiceItem`.
    pub async fn get_service_item(
        &self,
        caller: &Caller,
        request: GetServiceItemRequest,
    ) -> Result<GetServiceItemResponse, Failure> {
        let code =
            |check: &mut Check| check.take("item", ItemId::parse(&request.item)).map(|code| code.to_string());
        let (_, held) = self.get(caller, &request.centre, Noun::ServiceItem, code).await?;
        Ok(GetServiceItemResponse { service_item: Some(of!(held.record, ServiceItem)?) })
    }

    /// `ListServiceItems`.
    pub async fn list_service_items(
        &self,
        caller: &Caller,
        request: ListServiceItemsRequest,
    ) -> Result<ListServiceItemsResponse, Failure> {
        let page = (request.page_size, request.page_token.as_str());
        let (_, (page, next_page_token), _) =
            self.list(caller, &request.centre, Noun::ServiceItem, page, None).await?;
        Ok(ListServiceItemsResponse { service_items: all_of!(page, ServiceItem)?, next_page_token })
    }

    /// `RetireServiceItem`.
    pub async fn retire_service_item(
        &self,
        caller: &Caller,
        request: RetireServiceItemRequest,
    ) -> Result<RetireServiceItemResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let code =
            |check: &mut Check| check.take("item", ItemId::parse(&request.item)).map(|code| code.to_string());
        let receipt = self.retire(caller, head, &request.reason, Noun::ServiceItem, code).await?;
        Ok(RetireServiceItemResponse { receipt: Some(receipt) })
    }

    /// `PutDevice`.
    pub async fn put_device(
        &self,
        caller: &Caller,
        request: PutDeviceRequest,
    ) -> Result<PutDeviceResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let (receipt, record) = self.put(caller, head, |check| parse::device(check, request.device)).await?;
        Ok(PutDeviceResponse { receipt: Some(receipt), device: Some(of!(record, Device)?) })
    }

    /// `GetDevice`.
    pub async fn get_device(
        &self,
        caller: &Caller,
        request: GetDeviceRequest,
    ) -> Result<GetDeviceResponse, Failure> {
        let code = |check: &mut Check| {
            check.take("device", DeviceId::parse(&request.device)).map(|code| code.to_string())
        };
        let (_, held) = self.get(caller, &request.centre, Noun::Device, code).await?;
        Ok(GetDeviceResponse { device: Some(of!(held.record, Device)?) })
    }

    /// `ListDevices`.
    pub async fn list_devices(
        &self,
        caller: &Caller,
        request: ListDevicesRequest,
    ) -> Result<ListDevicesResponse, Failure> {
        let page = (request.page_size, request.page_token.as_str());
        let (_, (page, next_page_token), _) =
            self.list(caller, &request.centre, Noun::Device, page, None).await?;
        Ok(ListDevicesResponse { devices: all_of!(page, Device)?, next_page_token })
    }

    /// `RetireDevice`.
    pub async fn retire_device(
        &self,
        caller: &Caller,
        request: RetireDeviceRequest,
    ) -> Result<RetireDeviceResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let code = |check: &mut Check| {
            check.take("device", DeviceId::parse(&request.device)).map(|code| code.to_string())
        };
        let receipt = self.retire(caller, head, &request.reason, Noun::Device, code).await?;
        Ok(RetireDeviceResponse { receipt: Some(receipt) })
    }

    /// `PutCredentialBinding`.
    pub async fn put_credential_binding(
        &self,
        caller: &Caller,
        request: PutCredentialBindingRequest,
    ) -> Result<PutCredentialBindingResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let (receipt, record) = self
            .put(caller, head, |check| {
                parse::credential_binding(check, self.desk.registers().keys(), request.credential_binding)
            })
            .await?;
        Ok(PutCredentialBindingResponse {
            receipt: Some(receipt),
            credential_binding: Some(of!(record, CredentialBinding)?),
        })
    }

    /// `GetCredentialBinding`.
    pub async fn get_credential_binding(
        &self,
        caller: &Caller,
        request: GetCredentialBindingRequest,
    ) -> Result<GetCredentialBindingResponse, Failure> {
        let code =
            |check: &mut Check| binding(check, request.kind, &request.value_hmac, request.from.as_ref());
        let (_, held) = self.get(caller, &request.centre, Noun::CredentialBinding, code).await?;
        Ok(GetCredentialBindingResponse { credential_binding: Some(of!(held.record, CredentialBinding)?) })
    }

    /// `ListCredentialBindings`.
    pub async fn list_credential_bindings(
        &self,
        caller: &Caller,
        request: ListCredentialBindingsRequest,
    ) -> Result<ListCredentialBindingsResponse, Failure> {
        let page = (request.page_size, request.page_token.as_str());
        let (_, (page, next_page_token), _) =
            self.list(caller, &request.centre, Noun::CredentialBinding, page, None).await?;
        Ok(ListCredentialBindingsResponse {
            credential_bindings: all_of!(page, CredentialBinding)?,
            next_page_token,
        })
    }

    /// `RetireCredentialBinding`.
    pub async fn retire_credential_binding(
        &self,
        caller: &Caller,
        request: RetireCredentialBindingRequest,
    ) -> Result<RetireCredentialBindingResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let code =
            |check: &mut Check| binding(check, request.kind, &request.value_hmac, request.from.as_ref());
        let receipt = self.retire(caller, head, &request.reason, Noun::CredentialBinding, code).await?;
        Ok(RetireCredentialBindingResponse { receipt: Some(receipt) })
    }

    /// `GrantRole`.
    pub async fn grant_role(
        &self,
        caller: &Caller,
        request: GrantRoleRequest,
    ) -> Result<GrantRoleResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let (receipt, record) =
            self.put(caller, head, |check| parse::role_grant(check, request.role_grant)).await?;
        Ok(GrantRoleResponse { receipt: Some(receipt), role_grant: Some(of!(record, RoleGrant)?) })
    }

    /// `GetRoleGrant`.
    pub async fn get_role_grant(
        &self,
        caller: &Caller,
        request: GetRoleGrantRequest,
    ) -> Result<GetRoleGrantResponse, Failure> {
        let code = |check: &mut Check| {
            check.take("grant", GrantId::parse(&request.grant)).map(|code| code.to_string())
        };
        let (_, held) = self.get(caller, &request.centre, Noun::RoleGrant, code).await?;
        Ok(GetRoleGrantResponse { role_grant: Some(of!(held.record, RoleGrant)?) })
    }

    /// `ListRoleGrants`.
    pub async fn list_role_grants(
        &self,
        caller: &Caller,
        request: ListRoleGrantsRequest,
    ) -> Result<ListRoleGrantsResponse, Failure> {
        let page = (request.page_size, request.page_token.as_str());
        let (_, (page, next_page_token), _) =
            self.list(caller, &request.centre, Noun::RoleGrant, page, None).await?;
        Ok(ListRoleGrantsResponse { role_grants: all_of!(page, RoleGrant)?, next_page_token })
    }

    /// `RevokeRole`.
    pub async fn revoke_role(
        &self,
        caller: &Caller,
        request: RevokeRoleRequest,
    ) -> Result<RevokeRoleResponse, Failure> {
        let head = (request.centre.as_str(), request.request_id.as_str(), request.receipt_view);
        let code = |check: &mut Check| {
            check.take("grant", GrantId::parse(&request.grant)).map(|code| code.to_string())
        };
        let receipt = self.retire(caller, head, &request.reason, Noun::RoleGrant, code).await?;
        Ok(RevokeRoleResponse { receipt: Some(receipt) })
    }
}
