"""German words to opt out, by role."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processors.opt_out_rules import Role

GERMAN: dict[Role, str] = {
    "stop": "stoppen stoppt stoppe hor~auf hort~auf horen~auf hoer~auf hoert~auf hoeren~auf aufhoren aufhoeren",
    "end": "unterlass unterlasst unterlasse unterlassen schluss verzichte verzichten verweigere verbiete"
    " untersage widerspreche stellen~ein stellt~ein unerwunscht verbitte einstellen unterbinden lasst_das lass_das"
    " lassen_sie_das finger_weg abstellen",
    "enough": "genug satt leid reicht_es kein_interesse keine_lust",
    "leave": "abmelden abmeldung abbestellen abbestellung austragen meld~ab melde~ab meldet~ab melden~ab"
    " trag~aus trage~aus tragt~aus tragen~aus bestelle~ab bestellt~ab bestellen~ab nimm~raus nehmt~raus"
    " nehmen~raus nehmen~heraus lass~in_ruhe lasst~in_ruhe lassen~in_ruhe lassen~in_frieden deabonnieren"
    " nie_angemeldet nicht_angemeldet nie_bestellt nicht_einverstanden verpisst verschwindet hau~ab raus_aus",
    "remove": "losch losche loscht loschen geloscht entfern entferne entfernt entfernen streich streicht"
    " streichen nimm~von nehmt~von nehmen~von nimm~aus nehmen~aus kundigen kundige widerrufe widerrufen"
    " ziehe~zuruck beenden loschung austragung entfernung nehmt~aus sperren sperrt blockiert raus losch* gelosch*"
    " entfern* gestrich* streich* austrag* von~nehmen aus~nehmen von~runter",
    "send": "schreib schreibe schreiben schreibt schick schicke schicken schickt send sende senden sendet"
    " zusenden zuschicken anschreiben angeschrieben kontaktier kontaktiere kontaktieren kontaktiert kontakt"
    " anrufen belastigen belastigt mailen simsen nerven texten zusendung zumullen zuspammen bombardieren"
    " bombardiert informieren informiert benachrichtigen behelligen behelligt gesendet_werden angerufen zuschickt"
    " schreibst texte kontaktier* belastig*",
    "receive": "erhalten bekommen empfangen kriegen",
    "want": "will mochte moechte wunsche wuensche wollen mag mochten wunschen brauche",
    "message": "nachricht nachrichten werbung reklame mail mails angebote benachrichtigungen infos infomails"
    " rundmails anrufe zusendungen werbe* mailings aktionen rundschreiben zeug mist kram sonderangebote angeboten"
    " kurznachrichten whatsapps spams reklamen",
    "me": "mich mir uns nummer telefonnummer handynummer rufnummer daten kontaktdaten adresse namen mailadresse"
    " handy email_adresse mail_adresse kontakt",
    "list": "liste verteiler mailverteiler mailingliste emailliste datenbank kontakte adressbuch kartei"
    " einwilligung zustimmung system abo abonnement",
    "no": "nicht nie niemals kein keine keinen keinerlei nichts",
    "none": "nein ohne",
    "more": "mehr wieder weitere weiteren weiterhin jemals langer",
    "can": "kann kannst konnte konnten_wir habe_ihre",
    "keep": "anmelden anmeldung abonnieren weiter_so gern gerne weiterhin_erhalten",
    "ordinary": "zimmer bett kissen handtuch handtucher reinigung larm musik klimaanlage fernseher dusche regen"
    " zug flug flughafen bahnhof haltestelle bushaltestelle fruhstuck abendessen mittagessen essen tisch buchung"
    " reservierung rechnung quittung beleg sauna kurs massage ausflug tour strand zwischenstopp zustellbett"
    " kinderbett koffer gepack parkplatz schlussel aufzug uhr bestatigung warteliste storen stornieren shuttle"
    " wir_melden melde_mich licht",
    "when": "vor bis wann bevor montag dienstag mittwoch donnerstag freitag samstag sonntag morgen_fruh",
    "polite": "bitte danke jetzt sofort endlich hallo nein_danke vielen_dank falsche_nummer falsche_person damit"
    " endgultig ab_sofort mal doch mit_freundlichen_grussen freundliche_grusse viele_grusse beste_grusse lg mfg"
    " gruss das_nervt nervt unverzuglich kunftig verdammt umgehend sofortige",
    "glue": "ich sie ihr du wir es das die der den dem des ein eine einen mit zu vom von aus im und oder aber"
    " dass diese dieser dieses diesen eure eurer euren euer ihre ihren ihrer mein meine meinen meiner habe haben"
    " hat ist sind werden wird auch so wie sich zur zum per von_ihnen von_euch hiermit",
    "at": "am an auf bei um fur machen wir_haben",
}
