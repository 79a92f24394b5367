"""Dutch words to opt out, by role."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processors.opt_out_rules import Role

DUTCH: dict[Role, str] = {
    "stop": "stoppen stopt hou~op houd~op houden~op ophouden kap~mee",
    "end": "weiger bezwaar staak staken ongewenst klaar_mee houd_op",
    "enough": "genoeg beu zat spuugzat geen_interesse niet_geinteresseerd",
    "leave": "uitschrijven afmelden uitschrijving afmelding schrijf~uit meld~af meldt~af"
    " laat_{me,mij,ons}_met_rust val~niet_meer_lastig val~niet_lastig haal~eraf haal~af gooi~eraf nooit_aangemeld"
    " nooit_ingeschreven niet_ingeschreven lijst_af mailinglijst_af hoepel_op donder_op rot_op uitgeschreven",
    "remove": "verwijder verwijdert verwijderen schrap schrappen haal~van halen~van haal~uit uit~halen wis"
    " wissen opzeggen trek~in intrekken trek_in annuleer_mijn_abonnement verwijdering haal~weg gooi~uit deactiveer"
    " blokkeer verwijder* gewist",
    "send": "stuur stuurt sturen app appen appt mail mailen mailt bericht berichten contact contacteren"
    " contacteer bel bellen schrijven spammen sms_en smsen benaderen benader lastigvallen lastig zenden toesturen"
    " gecontacteerd benaderd gemaild gebeld geappt lastiggevallen contacteert opbellen gespamd contacten_opnemen"
    " lastig*",
    "receive": "ontvangen krijgen",
    "want": "wil willen wens wensen wilt hoef zou verzoek",
    "message": "bericht berichten berichtjes appjes mail mails mailtjes reclame nieuwsbrief nieuwsbrieven"
    " aanbieding aanbiedingen advertenties meldingen aankondigingen telefoontjes reclameberichten spul rommel zooi"
    " troep acties promoties mailing mailings spamberichten smsjes sms_jes sms_berichten appberichten",
    "me": "me mij ons nummer telefoonnummer gegevens naam adres mailadres telefoon mobiel emailadres e_mailadres",
    "list": "lijst mailinglijst mailinglist bestand bestanden database adressenbestand toestemming abonnement"
    " systeem verzendlijst contacten",
    "no": "geen niet nooit niks niets",
    "none": "nee zonder",
    "more": "meer weer verdere langer verder",
    "can": "kan kon",
    "keep": "inschrijven aanmelden abonneren graag_ontvangen ga_door",
    "ordinary": "bushalte halte vlucht vliegtuig trein vliegveld station kamer bed handdoek handdoeken"
    " schoonmaak lawaai muziek tv airco douche water regenen regen ontbijt diner lunch eten tafel reservering"
    " rekening factuur bon zwembad yogales les massage excursie strand bagage koffer parkeren sleutel lift uur"
    " wachtlijst bevestiging keuken shuttle storen vragen druppelen per_post",
    "when": "tot als_de maandag dinsdag woensdag donderdag vrijdag zaterdag zondag morgen",
    "polite": "aub a_u_b alstublieft alsjeblieft svp dank bedankt dank_je dank_u nu meteen direct onmiddellijk"
    " hallo nee_bedankt verkeerd_nummer met_vriendelijke_groet groeten groet mvg hiermee ermee daarmee graag"
    " gelieve verdorie",
    "glue": "ik u jij je jullie wij we het de een dit dat deze die met te van uw uit mijn en of maar zich om"
    " hier is zijn worden heb hebben hoe kunt kun als alle al over voor",
    "at": "bij op naar in aan waar",
}
