"""Words to opt out, written alike in many languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processors.opt_out_rules import Role

EVERYWHERE: dict[Role, str] = {
    "stop": "stop stopp stpo sotp tsop stp stopall",
    "end": "td",
    "leave": "unsubscribe unsub optout opt_out",
    "send": "spam* contact*",
    "message": "sms spam email emails e_mail e_mails newsletter newsletters marketing whatsapp wa promo promos sms_es",
    "no": "dont do_not jangan",
    "ordinary": "bus taxi minibar spa restaurant yoga bar hotel_shuttle wifi pool buffet nonstop non_stop",
    "polite": "ok okay sent_from_my iphone ipad android samsung galaxy",
    "glue": "un una uma une il la el lo los las der die das den the het een ein eine a an",
}
