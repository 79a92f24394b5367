"""English words to opt out, by role."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processors.opt_out_rules import Role

ENGLISH: dict[Role, str] = {
    "stop": "stop_it stop_this stop_that stahp stopit if_you_stopped if_you_would_stop",
    "end": "cease desist quit discontinue halt refuse object_to unwanted unsolicited knock_it_off cut_it_out"
    " turn_off turn_these_off switch_off refrain",
    "enough": "enough fed_up sick_of tired_of not_interested",
    "leave": "unsubscrib{ed,ing} opt_{me,us}_out opting_out deregister unregister leave_{me,us}_alone"
    " lose_my_number {take,get}_{me,us}_off {take,get}_my_number_off {take,get}_this_number_off"
    " off_{your,this}_list block_me leave_us_be want_out never_signed_up didnt_sign_up did_not_sign_up"
    " never_subscribed didnt_subscribe did_not_subscribe never_asked_for take_my_details_off take_my_name_off",
    "remove": "remove removed removing delete deleted deleting erase cancel end unlist drop withdraw revoke"
    " rescind take~off get~off suspend deactivate removal deletion remov* delet* eras* get_rid_of get~out take~out",
    "send": "text texting message messaging mail mailing email emailing write writing send sending call calling"
    " bother bothering harass harassing pester pestering spam spamming whatsapp whatsapping msg reach reaching"
    " notify notifying solicit advertise ring texted emailed approach forward inviting target bother* harass*"
    " disturb* use using contact",
    "receive": "receive receiving get getting hear_from hearing_from",
    "want": "want wish need like interested_in agree_to asked told said begging demand insist authorize wanna gonna",
    "message": "message messages msg msgs text texts mail mails ads ad advert adverts advertising advertisement"
    " advertisements promotion promotions promotional offers notification notifications updates communication"
    " communications correspondence calls junk broadcast broadcasts campaign campaigns solicitation solicitations"
    " stuff crap deals discounts coupons flyers mailings mailers reminders surveys robocalls alerts garbage"
    " rubbish shit promotionals bulletins bulletin content",
    "me": "me us number name details data info phone_number mobile_number cell_number email_address address"
    " account profile contact_details phone contact_info contact",
    "list": "list lists mailing_list mailing_lists database databases contacts distribution system records files"
    " directory consent permission subscription subscriptions",
    "no": "dont do_not never not_to must_not should_not shouldnt no_longer rather_not prefer_not never_again"
    " no_need_to stop_not",
    "none": "no without",
    "more": "more again anymore any_more ever further longer another anything",
    "can": "can cant cannot could couldnt unable able did didnt wont does doesnt got had",
    "keep": "keep_me keep_us to_keep please_keep continue resubscribe subscribe sign_me_up add_me add_us love",
    "ordinary": "shuttle buses cab car driver train trains tram flight flights plane airport station lobby"
    " reception breakfast lunch dinner brunch drinks room rooms suite villa bed beds towel towels pillow pillows"
    " housekeeping cleaning cleaner noise music tv television ac aircon air_con air_conditioning water leak"
    " leaking dripping drilling shower toilet elevator lift gym massage class lesson course tour trip excursion"
    " booking bookings reservation reservations stay bill invoice receipt charge charges payment deposit refund"
    " parking bag bags luggage suitcase kids child children dog alarm rain waiting_list wait_list waitlist beach"
    " pharmacy door window key card menu table confirmation front_desk waiter construction next_stop bus_stop"
    " stop_by stop_over stopover stop_sign stop_at stop_for stop_in stop_on stop_off full_stop pit_stop first_stop"
    " last_stop worry crying laughing smoking",
    "when": "before after until till when monday tuesday wednesday thursday friday saturday sunday tomorrow"
    " tonight noon midnight",
    "polite": "please pls plz plse pleas pleease thanks thank_you thx ty now right_now immediately asap at_once"
    " already hi hello hey sir madam guys sorry kindly just so yes really seriously everything today forever"
    " permanently team dear regards best_regards kind_regards cheers wrong_number wrong_person wrong_guy no_thanks"
    " no_thank_you fuck fucking damn bloody goddamn hell twice thats this_is_not at_all wtf harassment annoying"
    " scam fraud honestly literally",
    "glue": "i you we they he she it this that these those the a an your my our his its is are am be been was"
    " were to of with all any some from and or but because im ive id ill do have has had would will shall should"
    " may if how who what why where gave as not youre d ll re ve s guest customer client yours",
    "at": "at by in on near over into for about which next first nearest",
}
