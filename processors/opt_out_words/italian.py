"""Italian words to opt out, by role."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processors.opt_out_rules import Role

ITALIAN: dict[Role, str] = {
    "stop": "basta smettete smetti smettetela smettila smetta smetterla fermatevi fermati piantatela piantala finitela",
    "end": "cessate cessare rifiuto oppongo vieto interrompete interrompere sospendete finiamola molestie stalking",
    "enough": "abbastanza stufo stufa stanco stanca non_mi_interessa non_mi_interessano non_sono_interessat{o,a}"
    " non_interessat{o,a}",
    "leave": "disiscri* cancellatemi cancellami cancellarmi toglietemi toglimi togliermi rimuovetemi rimuovermi"
    " rimuovimi eliminatemi eliminami eliminarmi lasciatemi_in_pace lasciami_in_pace lasciatemi_stare"
    " lasciami_stare annulla_iscrizione annullare_iscrizione disattivare_newsletter depennatemi escludetemi"
    " mai_iscritt{o,a} non_mi_sono_iscritt{o,a} dimenticatemi cancellarci_dalla_lista sparite",
    "remove": "rimuovete rimuovere rimuovi togliete togliere togli cancellate cancellare cancella eliminate"
    " eliminare elimina revoco revocare ritiro disdire annullare cancellazione rimozione depennate bloccate"
    " escludete disattivate rimuov* cancell* elimin*",
    "send": "scriv{ete,ermi,ere,erci,etemi,imi} mand{ate,armi,are,atemi,arci,ami} invi{ate,armi,are,atemi,arci}"
    " invio contatt{ate,armi,are,atemi,ato,ata,arci} disturbat{e,emi} disturbarmi chiam{ate,atemi,armi}"
    " importunate spammare contattat{a,i} telefonate telefonarmi chiamarmi rompete rompermi infastidite"
    " infastidirmi importunarmi tormentate tormentarmi spammate notificarmi scriva mandi invii disturb* infastid*"
    " importun* molest*",
    "receive": "ricevere ricevo",
    "want": "voglio vorrei desidero desideriamo vogliamo autorizzo interessa accetto intendo",
    "message": "messaggio messaggi mail mails pubblicita promozione promozioni offerta offerte notifiche"
    " comunicazioni annunci messaggini chiamate testi comunicazione novita campagne avvisi sconti volantini cose"
    " roba robaccia pubblicitari",
    "me": "mi me ci numero dati nome contatto telefono cellulare",
    "list": "lista liste elenco rubrica contatti database archivio consenso iscrizione mailing_list sistema",
    "no": "non mai",
    "none": "no niente nessun nessuna senza",
    "more": "piu altri altre altro ancora mai_piu nulla",
    "can": "riesco posso potete ho abbiamo puo",
    "keep": "continuate iscrivermi iscrivere adoro",
    "ordinary": "autobus fermata volo aereo treno aeroporto stazione navetta camera camere letto asciugamani"
    " pulizie rumore musica televisione doccia acqua gocciolare piovere pioggia colazione cena pranzo cibo tavolo"
    " prenotazione conto fattura ricevuta piscina corso massaggio gita spiaggia bagagli valigia parcheggio chiave"
    " ascensore conferma attesa posta servire basta_cosi mi_basta farmacia rubinetto asciugamano",
    "when": "prima fino quando lunedi martedi mercoledi giovedi venerdi sabato domenica domani",
    "polite": "per_favore perfavore grazie adesso ora subito ciao salve numero_sbagliato no_grazie"
    " cordiali_saluti saluti distinti_saluti immediatamente cortesemente gentilmente questo porca",
    "glue": "io tu voi lei il lo la i gli le l un uno una di del dei delle della d dal dalla dai dalle da a al"
    " alla con che e o ma mio miei mia mie vostro vostra vostri vostre questi queste quei essere stato si come"
    " faccio ne sono sui",
    "at": "in su dove per",
}
