"""French words to opt out, by role."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processors.opt_out_rules import Role

FRENCH: dict[Role, str] = {
    "stop": "arretez arrete arreter arret stopper stoppez",
    "end": "cessez cesser cesse refuse refusons oppose interdis harcelement stoppe",
    "enough": "assez marre ras_le_bol ca_suffit suffit pas_interesse pas_interessee pas_interesses",
    "leave": "desabonn* desinscri* laissez_moi_tranquille laisse_moi_tranquille laissez_nous_tranquille"
    " foutez_moi_la_paix fichez_moi_la_paix laissez_moi_en_paix desabo oubliez_moi jamais_inscrit jamais_inscrite"
    " jamais_demande degagez fous_moi_la_paix",
    "remove": "retirez retirer retire enlevez enlever enleve supprimez supprimer supprime effacez effacer radiez"
    " radier otez rayez rayer sortez_moi revoque annulez_mon_abonnement resilier desactivez resiliez suppression"
    " retrait annulez bloquez bloquer biffez sortez supprim* retir* enlev* effac*",
    "send": "ecrivez ecrire ecris envoyez envoyer envoie contactez contacter contacte derangez appelez appeler"
    " harceler harcelez importuner spammer spammez texter solliciter sollicitez envoi envois joindre contactee"
    " contactes ecrive envoies telephoner telephonez embeter embetez relancer relancez ennuyer ennuyez notifier"
    " recontacter recontactez adresser adressez appelle harcel* importun* derang*",
    "receive": "recevoir reception recevons recois",
    "want": "veux voulons souhaite souhaitons desire voudrais interesse accepte autorise aimerais",
    "message": "message messages mail mails courriel courriels publicite publicites pub pubs promotion"
    " promotions offre offres notification notifications texto textos sollicitation sollicitations annonces"
    " demarchage infolettre spams communications communication prospection relances appels alertes trucs infos"
    " actualites campagnes mms conneries reclame",
    "me": "me moi m nous numero mes_donnees donnees coordonnees mon_nom adresse telephone portable",
    "list": "liste listes base_de_donnees fichier fichiers base contacts consentement accord abonnement mailing"
    " repertoire systeme",
    "no": "ne n jamais pas non_plus rien",
    "none": "plus_de plus_d plus_aucun plus_aucune pas_de pas_d aucun aucune sans non halte_aux",
    "more": "plus encore davantage nouveau longtemps",
    "can": "peux arrive peut pouvons ai avons a_pas",
    "keep": "abonner continuez adore surtout_pas gardez",
    "ordinary": "navette vol escale avion train gare aeroport chambre lit serviette serviettes menage bruit"
    " musique clim climatisation douche eau pleuvoir pluie dejeuner diner petit_dejeuner table reservation facture"
    " note recu piscine cours massage excursion plage bagages parking cle ascenseur confirmation attente"
    " arret_de_bus arrete_t arrete_elle courrier questions pharmacie s_arrete s_arreter",
    "when": "avant quand jusqu lundi mardi mercredi jeudi vendredi samedi dimanche demain",
    "polite": "svp stp s_il_vous_plait s_il_te_plait merci maintenant immediatement tout_de_suite bonjour"
    " bonsoir non_merci mauvais_numero faux_numero erreur_de_numero cordialement salutations bien_a_vous c_est_du"
    " desormais veuillez definitivement bordel trompez trompe",
    "glue": "je j tu vous on il elle ils les le la l un une des de d du ce cet cette ces mon ma mes votre vos"
    " ton ta tes et ou mais que qu c est sont etre a avec par y pas toute tous toutes comment faire",
    "at": "en au aux dans sur chez pour",
}
